// Kruimel for a page that is built with a bundler: inserts the script tag that the collector serves, and tells what the
// visitor allows.
//
// In: the address of the site's loader. Out: `window.kruimel`, its events, and what is allowed at the moment.
// Invariants: importing touches nothing, so that it is safe on a server; whatever fails, nothing counts as allowed and
// nothing is thrown into the page. The types and what each function promises are in kruimel.d.ts.

let loading;

export function kruimel() {
  const found = globalThis.window?.kruimel;
  // An element with this id is reachable by the same name.
  return found?.track ? found : undefined;
}

export function load({ src, nonce }) {
  if (typeof document === 'undefined' || kruimel()) return Promise.resolve(kruimel());
  const end = () => {
    loading = undefined;
    return kruimel();
  };
  return (loading ??= new Promise(done => ended(tagOf(src) ?? insert(src, nonce), done)).then(end, end));
}

// The page's own tag, while the browser may still be fetching it.
function tagOf(src) {
  if (document.readyState === 'complete') return;
  const address = new URL(src, document.baseURI).href;
  return [...document.scripts].find(script => script.src === address);
}

// A tag that failed before anybody listened tells no more; the page's own end comes after that of its scripts.
function ended(tag, done) {
  tag.addEventListener('load', done);
  tag.addEventListener('error', done);
  if (document.readyState !== 'complete') window.addEventListener('load', done);
}

function insert(src, nonce) {
  const script = document.createElement('script');
  if (nonce) script.nonce = nonce;
  script.referrerPolicy = 'no-referrer';
  script.dataset.cfasync = 'false';
  script.src = src;
  document.head.prepend(script);
  return script;
}

export function accepted(category, service) {
  return kruimel()?.acceptedCategory(category, service) ?? false;
}

export function on(name, listener) {
  return listen(['kruimel:' + name], event => listener(event.detail));
}

export function subscribe(listener) {
  return listen(['kruimel:onFirstConsent', 'kruimel:onConsent', 'kruimel:onChange'], () => listener());
}

function listen(names, hear) {
  const { window } = globalThis;
  for (const name of names) window?.addEventListener(name, hear);
  return () => {
    for (const name of names) window?.removeEventListener(name, hear);
  };
}
