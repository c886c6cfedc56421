// The gate: proves a grant, opens what it allows, and keeps the tracker for as long as measuring is granted.
//
// In: what the loader hands over (the top of loader.js). Out: gated elements that run or load, and the tracker. Invariants: a
// grant counts once the collector, which has the key, said so, and then for the tab, and less of it too; where it does not
// answer nothing opens; nothing is released that the choice of this very moment does not allow; a tracker ends with the receipt that it
// began under. Plain JavaScript.
//
// What a tab remembers is the cookie that was proven, in `sessionStorage`, where no other host and no other tab writes.

const loader = document.currentScript.kruimel;
const { base, config, ran, proven, allowed, load, trusted } = loader;
const { acceptedCategory, getUserPreferences } = window.kruimel;
const KEY = 'kruimel';

let scripts = Promise.resolve();
let receipt, tracker;

// A page may be denied its storage: then every page asks.
const remembered = () => {
  try {
    return sessionStorage.getItem(KEY);
  } catch {}
};
const remember = cookie => {
  try {
    if (cookie) sessionStorage.setItem(KEY, cookie);
    else sessionStorage.removeItem(KEY);
  } catch {}
};

// Whether a cookie grants nothing that this page may not do anyway: then another tab took the rest back. `''` is a service
// for which the whole category has to be granted.
const isLess = ({ categories, services }) =>
  categories.every(name => [services?.[name] ?? ''].flat().every(id => acceptedCategory(name, id)));

// Whether the cookie is the visitor's own grant. 403 is the collector's no; any other answer is none.
async function prove(cookie) {
  if (isLess(JSON.parse(decodeURIComponent(cookie)))) remember(cookie);
  if (remembered() == cookie) return void (proven[cookie] = true);
  const answer = await fetch(`${base}consent?${config.site}`, { credentials: 'include', cache: 'no-store' });
  // What was asked about is what the browser sent, if nobody wrote another meanwhile.
  const still = document.cookie.includes('kruimel=' + cookie);
  if (answer.ok && still) remember(cookie);
  if (answer.status == 403 || (answer.ok && still)) proven[cookie] = answer.ok;
}

// A new element runs, however the blocked one came into the page. One after the other, so that an inline script finds
// what the one before it loaded.
const run = element => next => {
  const { src, type } = element.dataset;
  if (!allowed(element.dataset) || !element.isConnected) return next();
  const script = document.createElement('script');
  script.kruimel = 1;
  for (const { name, value } of element.attributes) script.setAttribute(name, value);
  script.type = type || '';
  script.nonce = element.nonce;
  script.onload = script.onerror = next;
  if (src) script.src = trusted ? trusted.createScriptURL(src) : src;
  else script.text = trusted ? trusted.createScript(element.text) : element.text;
  element.replaceWith(script);
  if (!src || script.attributes.async) next();
};

function release() {
  for (const element of document.querySelectorAll('[data-category]')) {
    const { dataset } = element;
    if (element.kruimel || !allowed(dataset)) continue;
    element.kruimel = ran.push(dataset);
    if (element.type == 'text/plain') scripts = scripts.then(() => new Promise(run(element)));
    else if (dataset.href) element.href = dataset.href;
    else if (dataset.src) element.src = dataset.src;
  }
}

// Before the answer to a decision the tracker stays as it is.
function measure() {
  const choice = getUserPreferences();
  if (!choice?.categories[1]) remember();
  const id = acceptedCategory('analytics', 'kruimel') ? choice.consentId || receipt : undefined;
  if (id == receipt) return;
  tracker?.then(api => api.close?.());
  tracker = (receipt = id) && load('tracker', TRACKER_HASH);
}

loader.ready({ prove, release, measure });
