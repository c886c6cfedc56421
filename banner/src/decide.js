// Writes a decision down, applies it in the page and tells the collector.
//
// In: action, surface and categories of a decision, and services where they are chosen one by one. Out: a
// wire::DecisionRequest to `POST …/consent`; the events `kruimel:onFirstConsent` and `kruimel:onChange`. Invariants: the page
// follows a decision before the collector knows of it; decisions reach the collector in their order, and only the answer
// to the latest speaks for the page; a decision that the collector did not hear of stays in a cookie set here, and goes
// out with the next page; a grant that the collector turns down is none; where age counts, each grant asks for it.

import { erase } from './erase.js';
import { partial } from './services.js';

// The body of the request. What is undefined is left out by JSON.
export function request(config, text, { categories, services, revision }, decision) {
  const { hash, lang } = text;
  return { v: 1, site: config.site, categories, services, revision, text: hash, language: lang, ...decision };
}

export function decisions(loader, text) {
  const { config, tell } = loader;
  const { acceptedCategory, getUserPreferences } = window.kruimel;
  const { categories, options } = text;
  const names = categories.map(category => category.name);
  let latest;
  let sending = Promise.resolve();

  // A set of categories is a bit for each, in the order of the declaration.
  const bits = wanted => names.reduce((set, name, index) => (wanted(name) ? set | (1 << index) : set), 0);
  const granted = () => bits(name => acceptedCategory(name));
  const grants = choice => choice?.categories.length > 1;

  // A page may be denied its cookies, as in a sandboxed frame: reading or writing them throws there.
  const quietly = act => {
    try {
      return act();
    } catch {}
  };
  const set = cookie => quietly(() => (document.cookie = cookie));
  const clear = () =>
    erase(categories, acceptedCategory, quietly(() => document.cookie) || '', location, set);

  // The cookie as it is, and what it says.
  function kept() {
    try {
      const value = document.cookie.match(/(^| )kruimel=([^;]*)/)[2];
      return [JSON.parse(decodeURIComponent(value)), value];
    } catch {
      return [];
    }
  }

  // The signed cookie that this decision replaces, or that a decision before it, still unsent, carries on: a collector that
  // hears of it on a later page has to know which receipt ends.
  function earlier() {
    const [cookie, value] = kept();
    return cookie?.sig ? value : cookie?.pending?.earlier;
  }

  // `extra`: services, session, of_age, until_day.
  function decide(action, surface, wanted, extra = {}) {
    const { session, of_age, until_day } = extra;
    const choice = { ...partial(categories, wanted, extra.services), revision: config.revision };
    const before = getUserPreferences();
    if (!grants(choice)) action = grants(before) ? 'withdraw' : 'refuse';
    else if (options?.age && !of_age) return ask(action, surface, wanted, extra);
    choice.pending = request(config, text, choice, { action, surface, earlier: earlier(), session, of_age, until_day });
    Object.assign(choice, { day: new Date().toISOString().slice(0, 10), session, until: until_day });
    loader.apply(choice, true);
    const lost = losesFrom(before);
    // What is taken back counts in every tab at once, and is not undone by looking at another window.
    if (lost) write({ ...choice, left: true });
    clear();
    if (before) changedFrom(before);
    else tell('onFirstConsent', { cookie: choice });
    if (!lost) send(choice);
    else withdraw(before, choice).then(again => again || send(choice));
  }

  // A grant waits for the answer. What is decided meanwhile goes before it.
  async function ask(action, surface, wanted, extra) {
    const before = getUserPreferences();
    const old = await loader.more('age', options.age, text).catch(() => {});
    if (before != getUserPreferences()) return;
    if (old) decide(action, surface, wanted, { ...extra, of_age: true });
    else if (old === false) decide('refuse', surface, 1);
    else if (!before) loader.call('show');
  }

  // The optional categories that another choice than this is in force for, as a whole or in part.
  function changesFrom(before) {
    const state = (choice, name) => choice?.categories.includes(name) && JSON.stringify(choice.services?.[name] ?? 1);
    const after = getUserPreferences();
    return names.slice(1).filter(name => (state(before, name) || 0) != (state(after, name) || 0));
  }
  const losesFrom = before => changesFrom(before).some(name => before?.categories.includes(name));

  function changedFrom(before) {
    const changedCategories = changesFrom(before);
    if (changedCategories[0]) tell('onChange', { cookie: getUserPreferences(), changedCategories });
  }

  // What else a browser keeps goes in `more`, which also loads the page again where something gated ran. Then
  // it sends the choice itself.
  const withdraw = (before, choice) => loader.more('withdraw', before, choice).catch(() => {});

  // The choice became another without a decision in this page, or the collector answered otherwise.
  function changed(before) {
    changedFrom(before);
    if (!losesFrom(before)) return;
    clear();
    withdraw(before);
  }

  // The choice as a cookie, until the collector puts its own in that place; without one, the cookie goes.
  function write(choice) {
    const value = choice ? encodeURIComponent(JSON.stringify(choice)) : '';
    const end = choice ? Date.parse(choice.until) || Date.parse(choice.day) + config.days * 864e5 : 0;
    const expires = choice?.session ? '' : '; Expires=' + new Date(end).toUTCString();
    const domain = config.domain ? '; Domain=' + config.domain : '';
    const secure = location.protocol == 'https:' ? '; Secure' : '';
    set(`kruimel=${value}; Path=/; SameSite=Lax${expires}${domain}${secure}`);
  }

  const post = pending =>
    fetch(loader.base + 'consent', { method: 'POST', body: JSON.stringify(pending), credentials: 'include', keepalive: true });

  function send(choice) {
    // Where the collector is not reached, or the page is left before it answers.
    const keep = () => latest == choice && write(choice);
    latest = choice;
    addEventListener('pagehide', keep);
    sending = sending
      .then(() => post(choice.pending))
      .then(answer => (answer.ok ? answer.json() : turnedDown(choice, answer.status)))
      .catch(() => (keep(), choice))
      .then(answer => {
        if (latest != choice) return;
        const before = getUserPreferences();
        loader.apply(answer);
        changed(before);
        if (!answer) loader.call('show');
      })
      .finally(() => removeEventListener('pagehide', keep))
      .catch(() => {});
  }

  // What the collector will never take is not sent again, but for a withdrawal. A refusal holds without it; of a grant
  // nothing holds but what was signed before.
  function turnedDown(choice, status) {
    const { pending, ...refusal } = choice;
    if (!/^4(?!29)/.test(status) || latest != choice || (pending.earlier && !grants(choice))) throw status;
    if (!grants(choice)) return write(refusal), refusal;
    if (kept()[0]?.pending) write();
    return loader.read();
  }

  // A decision of an earlier page: it was not answered there, or it had the page loaded again.
  function resend() {
    const { left, ...choice } = loader.read() ?? {};
    if (!choice.pending) return;
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
    if (!choice?.sig) return;
    post(request(config, text, choice, { action: 'save', surface: 'api', reset: true })).catch(() => {});
  }

  return { bits, granted, decide, resend, changed, reset };
}
