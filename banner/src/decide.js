// Writes a decision down, applies it in the page and tells the collector.
//
// In: action, surface and categories of a decision. Out: a wire::DecisionRequest to `POST …/consent`; the events
// `kruimel:onFirstConsent` and `kruimel:onChange`. Invariants: the page follows a decision before the collector knows of
// it; decisions reach the collector in their order, and only the answer to the latest speaks for the page; a decision that
// the collector did not hear of stays in a cookie set here, and goes out with the next page.

import { erase } from './erase.js';

// The body of the request. What is undefined is left out by JSON.
export function request(config, text, choice, { action, surface, reset, earlier }) {
  const { categories, services, revision } = choice;
  const { hash, lang } = text;
  return { v: 1, site: config.site, action, categories, services, revision, text: hash, language: lang, surface, reset, earlier };
}

export function decisions(loader, text) {
  const { config, tell } = loader;
  const { acceptedCategory, getUserPreferences } = window.kruimel;
  const names = text.categories.map(category => category.name);
  let latest;
  let sending = Promise.resolve();

  // A set of categories is a bit for each, in the order of the declaration.
  const bits = wanted => names.reduce((set, name, index) => (wanted(name) ? set | (1 << index) : set), 0);
  const named = set => names.filter((_, index) => (set >> index) & 1);
  const granted = () => bits(name => acceptedCategory(name));

  // The signed cookie that this decision replaces, or that a decision before it, still unsent, carries on: a collector that
  // hears of it on a later page has to know which receipt ends.
  function earlier() {
    try {
      const value = document.cookie.match(/(^| )kruimel=([^;]*)/)[2];
      const cookie = JSON.parse(decodeURIComponent(value));
      return cookie.sig ? value : cookie.pending.earlier;
    } catch {}
  }

  function decide(action, surface, chosen) {
    const first = !getUserPreferences();
    const before = granted();
    const choice = { categories: named(chosen), services: {}, revision: config.revision };
    choice.pending = request(config, text, choice, { action, surface, earlier: earlier() });
    choice.day = new Date().toISOString().slice(0, 10);
    // What is taken back counts in every tab at once, and is not undone by looking at another window.
    if (before & ~chosen) write(choice);
    loader.apply(choice, true);
    erase(text.categories, acceptedCategory, document.cookie, location, cookie => {
      document.cookie = cookie;
    });
    if (first) tell('onFirstConsent', { cookie: choice });
    else changedFrom(before);
    send(choice);
  }

  function changedFrom(before) {
    const changes = before ^ granted();
    if (changes) tell('onChange', { cookie: getUserPreferences(), changedCategories: named(changes) });
  }
  const changed = before =>
    changedFrom(bits(name => name == 'necessary' || before?.categories.includes(name)));

  // The choice as a cookie, until the collector puts its own in that place.
  function write(choice) {
    const value = encodeURIComponent(JSON.stringify(choice));
    const end = new Date(Date.parse(choice.day) + config.days * 864e5).toUTCString();
    const domain = config.domain ? '; Domain=' + config.domain : '';
    const secure = location.protocol == 'https:' ? '; Secure' : '';
    document.cookie = `kruimel=${value}; Path=/; SameSite=Lax; Expires=${end}${domain}${secure}`;
  }

  function send(choice) {
    // Where the collector is not reached, or the page is left before it answers.
    const keep = () => latest == choice && write(choice);
    latest = choice;
    addEventListener('pagehide', keep);
    const request = { method: 'POST', body: JSON.stringify(choice.pending), credentials: 'include', keepalive: true };
    sending = sending
      .then(() => fetch(loader.base + 'consent', request))
      .then(answer => (answer.ok ? answer.json() : Promise.reject()))
      .catch(() => (keep(), choice))
      .then(answer => {
        if (latest != choice) return;
        const before = granted();
        loader.apply(answer);
        changedFrom(before);
      })
      .finally(() => removeEventListener('pagehide', keep))
      .catch(() => {});
  }

  // A new visitor id is the collector's to make. Nothing is decided, so nothing is kept here where it is not reached.
  function reset() {
    const choice = loader.read();
    if (!choice?.sig) return;
    const body = JSON.stringify(request(config, text, choice, { action: 'save', surface: 'api', reset: true }));
    fetch(loader.base + 'consent', { method: 'POST', body, credentials: 'include', keepalive: true }).catch(() => {});
  }

  return { bits, granted, decide, send, changed, reset };
}
