// Writes a decision down, applies it in the page and tells the collector.
//
// In: action, surface and categories of a decision, and services where they are chosen one by one. Out: a
// wire::DecisionRequest to `POST …/consent`; the events `kruimel:onFirstConsent` and `kruimel:onChange`; where something
// that ran in the page is taken back, the page loaded again. Invariants: the page follows a decision before the collector
// knows of it; what is taken back is in the cookie before anything else is fetched, and a refusal on its way too; decisions reach the
// collector in their order, and only the answer to the latest speaks for the page; a decision that the collector did not
// hear of stays in a cookie set here, and goes out with the next page, unless another tab decided since; a grant that the
// collector turns down is none; where age counts, what is granted anew asks for it, and the answer is kept nowhere.

import { erase } from './erase.js';
import { partial, shared } from './services.js';

// How long the page stays for what is to be waited for, when it is to be loaded again.
const STAY_MS = 2000;

// A page may be denied its cookies, as in a sandboxed frame: reading or writing them throws there. What a cookie says may be
// anything.
const quietly = act => {
  try {
    return act();
  } catch {}
};

// The body of the request. What is undefined is left out by JSON.
export function body({ site }, { pending, categories, services, revision, session, until }) {
  const { earlier, ...decision } = pending;
  const text = earlier && quietly(() => encodeURIComponent(atob(earlier)));
  // What is granted, the cookie says where the loader reads it: what else a `pending` that somebody wrote may say is not heard.
  return JSON.stringify({ ...decision, site, categories, services, revision, session, until_day: until, earlier: text });
}

// Whether something gated ran in this page that may not any more. What the page has taken out since is known to the loader.
const ran = loader =>
  [...document.querySelectorAll('[data-category]')]
    .filter(({ kruimel, localName, type }) => kruimel || (localName == 'script' && type != 'text/plain'))
    .map(({ dataset }) => dataset)
    .concat(loader.ran)
    .some(({ category, service }) => category[0] != '!' && !window.kruimel.acceptedCategory(category, service ?? ''));

// What a promise gives, if it does so in time.
const soon = promise => Promise.race([promise, new Promise(done => setTimeout(done, STAY_MS))]).catch(() => {});

export function decisions(loader, text) {
  const { config, tell } = loader;
  const { acceptedCategory, getUserPreferences } = window.kruimel;
  const { categories, options } = text;
  const names = categories.map(category => category.name);
  let sending = Promise.resolve();
  let count = 0;
  // The latest decision, those on their way, and the cookie as this page left it.
  let latest, seen;
  let flights = 0;
  let flight = new AbortController();

  // A set of categories is a bit for each, in the order of the declaration.
  const bits = wanted => names.reduce((set, name, index) => (wanted(name) ? set | (1 << index) : set), 0);
  const granted = () => bits(name => acceptedCategory(name));
  const grants = choice => choice?.categories.length > 1;

  const set = cookie => quietly(() => (document.cookie = cookie));
  const clear = () =>
    erase(categories, acceptedCategory, quietly(() => document.cookie) || '', location, set);

  // The cookie as it is, and what it says.
  function kept() {
    try {
      // The last, as the loader does: an older one can stand before it.
      const value = document.cookie.match(/^(.* )?kruimel=([^;]*)/)[2];
      return [JSON.parse(decodeURIComponent(value)), value];
    } catch {
      return [];
    }
  }

  // A cookie that is what this page made of it, or the collector in answer to it: a grant in it needs no proof, and in this tab
  // not on the next page either.
  function trust(choice) {
    if (kept()[1] != seen || JSON.stringify(kept()[0]) != JSON.stringify(choice)) return;
    loader.proven[seen] = true;
    quietly(() => (grants(choice) ? sessionStorage.setItem('kruimel', seen) : sessionStorage.removeItem('kruimel')));
  }

  // The signed cookie that this decision replaces, or that a decision before it, still unsent, carries on: a collector that
  // hears of it on a later page has to know which receipt ends. In base64, which a cookie takes as it is.
  function earlier() {
    const [cookie, value] = kept();
    return cookie?.sig ? quietly(() => btoa(decodeURIComponent(value))) : cookie?.pending?.earlier;
  }

  // `extra`: services, session, of_age, until_day.
  function decide(action, surface, wanted, extra = {}) {
    const { session, until_day } = extra;
    const choice = { ...partial(categories, wanted, extra.services), revision: config.revision };
    const before = getUserPreferences();
    let { of_age } = extra;
    if (!grants(choice)) action = grants(before) ? 'withdraw' : 'refuse';
    else if (options?.age && !of_age) {
      const part = shared(categories, before, choice);
      if (part.more) return ask(action, surface, wanted, extra, part);
      // Of a grant that the collector has yet to take, less is granted on the same word.
      of_age = before.pending?.of_age;
    }
    count++;
    seen = kept()[1];
    choice.pending = { v: 1, action, surface, text: text.hash, language: text.lang, earlier: earlier(), of_age };
    Object.assign(choice, { day: new Date().toISOString().slice(0, 10), session, until: until_day });
    const lost = losesFrom(before, choice);
    // What is taken back counts in every tab at once, and is not undone by looking at another window.
    const written = lost && write({ ...choice, left: true });
    latest = choice;
    loader.apply(choice, true);
    clear();
    if (before) changedFrom(before);
    else tell('onFirstConsent', { cookie: choice });
    if (lost) takeBack(before, choice, written);
    else send(choice);
  }

  // A grant waits for the answer. What is decided meanwhile goes before it; without an answer, `part` of it holds, which was
  // granted before.
  async function ask(action, surface, wanted, extra, part) {
    const begun = count;
    const old = await loader.more('age', options.age, text).catch(() => {});
    // What another tab decided is told first.
    await getUserPreferences();
    if (count != begun) return;
    if (old) decide(action, surface, wanted, { ...extra, of_age: true });
    else if (old === false) decide('refuse', surface, 1);
    else if (part.less) decide('save', surface, part.chosen, { ...extra, services: part.services });
    else if (!getUserPreferences()) loader.call('show');
  }

  // The optional categories of which one choice grants other than another, as a whole or in part.
  function changesFrom(before, after) {
    const state = (choice, name) => choice?.categories.includes(name) && JSON.stringify(choice.services?.[name] ?? 1);
    return names.slice(1).filter(name => (state(before, name) || 0) != (state(after, name) || 0));
  }
  const losesFrom = (before, after) => changesFrom(before, after).some(name => before?.categories.includes(name));

  function changedFrom(before) {
    const cookie = getUserPreferences();
    const changedCategories = changesFrom(before, cookie);
    if (changedCategories[0]) tell('onChange', { cookie, changedCategories });
  }

  // Tells the collector, and loads the page again where something ran that may not any more. What else a browser keeps goes
  // in `more`. The next page tells the collector once more, and goes on from the cookie: this answer leaves that alone.
  async function takeBack(before, choice, written) {
    const again = ran(loader);
    // Where the cookie does not hold it, or an earlier decision is on its way, whose answer would undo it, its own answer is
    // waited for.
    const alone = again && written && !flights;
    // Of less than was granted only the next page tells: told twice, it would be two grants.
    if (alone && !grants(choice)) post(choice, { credentials: 'omit' }).catch(() => {});
    const answered = choice && !alone && send(choice);
    const emptied = loader.more('withdraw', before, again).catch(() => {});
    if (!again) return;
    const [, taken] = await Promise.all([emptied, answered].map(soon));
    if (answered && !taken) keepLeast(choice);
    location.reload();
  }

  // Whatever of it a cookie holds, where the collector does not answer either.
  function keepLeast(choice) {
    const { pending, ...rest } = choice;
    latest = undefined;
    flight.abort();
    if (kept()[1] != seen || write({ ...choice, left: true })) return;
    write(grants(choice) ? undefined : { ...rest, pending: { ...pending, earlier: undefined }, left: true });
  }

  function follow(before) {
    changedFrom(before);
    if (!losesFrom(before, getUserPreferences())) return;
    clear();
    takeBack(before);
  }

  // The choice became another without a decision in this page. What this page was about to tell is older.
  function changed(before) {
    if (kept()[1] != seen) {
      count++;
      latest = undefined;
      flight.abort();
      flight = new AbortController();
    }
    follow(before);
  }

  // The choice as a cookie, until the collector puts its own in that place; without one, the cookie goes. Gives whether the
  // browser took it: one has its limit. A word of age is not kept.
  function write(choice) {
    if (choice?.pending?.of_age) return;
    const value = choice ? encodeURIComponent(JSON.stringify(choice)) : '';
    const end = choice ? Date.parse(choice.until) || Date.parse(choice.day) + config.days * 864e5 : 0;
    const expires = choice?.session ? '' : '; Expires=' + new Date(end).toUTCString();
    const domain = config.domain ? '; Domain=' + config.domain : '';
    const secure = location.protocol == 'https:' ? '; Secure' : '';
    set(`kruimel=${value}; Path=/; SameSite=Lax${expires}${domain}${secure}`);
    seen = kept()[1];
    if (seen == value) trust(choice);
    return seen == value;
  }

  const post = (choice, more) =>
    fetch(loader.base + 'consent', { method: 'POST', body: body(config, choice), credentials: 'include', keepalive: true, ...more });

  // What the collector put into the cookie in answer.
  async function taken(answer) {
    seen = kept()[1];
    const choice = await answer.json();
    trust(choice);
    return choice;
  }

  // Gives whether the collector answered.
  function send(choice) {
    const { signal } = flight;
    // Where the collector is not reached, or the page is left before it answers. A newer decision of another tab stays.
    const keep = () => latest == choice && kept()[1] == seen && write(choice);
    const leave = () => kept()[0]?.left || keep();
    latest = choice;
    flights++;
    addEventListener('pagehide', leave);
    return (sending = sending
      .then(() => post(choice, { signal }))
      .then(answer => (answer.ok ? taken(answer) : turnedDown(choice, answer.status)))
      .catch(() => (keep(), choice))
      .then(answer => {
        // The cookie became the answer to an earlier decision; what counts is still the latest.
        if (latest != choice) return void (latest && loader.apply(latest, true));
        const before = getUserPreferences();
        const elsewhere = kept()[1] != seen;
        // What no cookie holds counts in this page; a newer decision of another tab is followed as any.
        loader.apply(answer, !elsewhere && JSON.stringify(answer) != JSON.stringify(loader.read()));
        if (elsewhere) return;
        follow(before);
        if (!answer) loader.call('show');
        return answer != choice;
      })
      .finally(() => {
        flights--;
        removeEventListener('pagehide', leave);
      })
      .catch(() => {}));
  }

  // What the collector will never take is not sent again, but for a withdrawal. A refusal made here holds without it; of one
  // that was taken over, nothing does, and of a grant only what was signed before.
  function turnedDown(choice, status) {
    const { pending, ...refusal } = choice;
    const over = grants(choice) || pending.surface == 'import';
    if (!/^4(?!29)/.test(status) || latest != choice || kept()[1] != seen || (pending.earlier && !over)) throw status;
    if (!over) return write(refusal), refusal;
    if (kept()[0]?.pending) write();
    return loader.read();
  }

  // A decision of an earlier page: it was not answered there, or it had the page loaded again.
  function resend() {
    const { left, ...choice } = loader.read() ?? {};
    if (!choice.pending) return;
    seen = kept()[1];
    if (left) {
      write(choice);
      loader.apply(choice, true);
      clear();
      loader.more('resume', choice).catch(() => {});
    }
    send(choice);
  }

  // A new visitor id is the collector's to make. Nothing is decided, so nothing is kept here where it is not reached.
  function reset() {
    const choice = loader.read();
    const pending = { v: 1, action: 'save', surface: 'api', text: text.hash, language: text.lang, reset: true };
    if (choice?.sig) post({ ...choice, pending }).catch(() => {});
  }

  return { bits, granted, decide, resend, changed, reset };
}
