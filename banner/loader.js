// The loader: the one script tag. It reads the visitor's choice, keeps what is gated closed, opens what was granted, and
// fetches the banner or the tracker only when one of them has work to do. No choice, no network or no WASM: all stays closed.
//
// In:  `__KRUIMEL_CONFIG__`, which the collector replaces by the site's wire::PublicConfig, and the cookie `kruimel`.
// Out: `window.kruimel` (see kruimel.d.ts), the event `kruimel:onConsent`, Google's consent signals, the way back to the
//      settings: the page's own `data-cc="show-preferencesModal"`, or a small button where it has none.
// Invariants: nothing opens without a live choice that grants it; a cookie that cannot be read is no choice; the site of
//      a visitor who refused fetches nothing but this file, which fits in 2,048 bytes of brotli with its config in it.
//
// HANDOVER to the two children. A child is a classic script (esbuild's iife of src/entry.js or tracker/src/entry.js) and a
// module, fetched side by side. The loader puts one object on the script element before it is inserted, and the child's
// first line takes it: `const loader = document.currentScript.kruimel;`. It has:
//
//   wasm                    Promise of the module's bytes (ArrayBuffer), checked by integrity:
//                           `loader.wasm.then(WebAssembly.compile).then(module => { initSync({ module }); … })`
//   config                  wire::PublicConfig
//   base                    the collector's address, with a slash at its end: base + 'events', base + 'consent'
//   read()                  reads the cookie again: the live choice as an object, or undefined. Ask it before each flush:
//                           `const choice = loader.read(); choice?.sig && choice.categories.includes('analytics')`
//   ready(api)              the child says that it runs, and hands over its functions; or, with an error, that it cannot
//                           start: then it must leave nothing behind
//   for the banner only:    root (shadow root of <kruimel-banner>, in the page), mark (style of an element that draws the
//                           biscuit), apply(choice, held): the page follows a choice from this moment on. `held`: the
//                           collector has yet to answer, so the cookie does not say it yet; a second call ends that
//
// What the page applies at the moment, also before the collector has answered, is `kruimel.acceptedCategory(name)`. The
// cookie is asked at every release and whenever the page is looked at again: another tab may have changed it. A click that
// waits for its answer counts here until the page is left or looked at again.
//
// The banner's api:  { show(), showPreferences(opener?), acceptCategory(names), withdraw(), reset(), resend(), changed(before) }. It writes
// the choice (answer of the collector, or a script-set cookie with `pending`) and tells `onFirstConsent`, `onChange`,
// `onModalShow`, `onModalHide`.
// The tracker's api: { close(), flush() }. The tracker is fetched only while analytics is granted
// and the receipt is signed. `close()` must drop queue, listeners and timers at once and send nothing more; it can come
// directly after `ready`, when the choice changed during the fetch. After a new grant on the same page the loader inserts the
// script again: a second run of the same file has to start from nothing, with a new module instance.

(() => {
  const config = __KRUIMEL_CONFIG__;
  // A second tag does nothing. (An element with this id is reachable by the same name, but has no `track`.)
  if (window.kruimel?.track) return;

  const base = document.currentScript.src.replace(/[^/]*$/, '');
  const language = [document.documentElement.lang, ...navigator.languages, config.language]
    .map(tag => tag.slice(0, 2))
    .find(tag => config.glue[tag]);
  const root = document.createElement('kruimel-banner').attachShadow({ mode: 'open' });
  const reopening = '[data-cc="show-preferencesModal"]';
  // While `held` the collector has yet to answer, and what was clicked counts.
  let choice, told, banner, tracker, receipt;
  let held = 1;
  let scripts = Promise.resolve();


  // What the visitor chose. A grant is signed or waits to be sent; a cookie that names a category without either is no
  // choice, and neither is one that cannot be read.
  const read = () => {
    try {
      const cookie = JSON.parse(decodeURIComponent(document.cookie.match(/(^| )kruimel=([^;]*)/)[2]));
      if (
        cookie.revision === config.revision &&
        cookie.categories.includes('necessary') &&
        (cookie.sig || cookie.pending || cookie.categories == 'necessary') &&
        new Date() < (cookie.expirationTime || Date.parse(cookie.day) + config.days * 864e5)
      )
        return cookie;
    } catch {}
  };

  // Another tab decided, or the choice has run out. What changed is told by the banner.
  const follow = () => {
    if (held || JSON.stringify(choice) == JSON.stringify(read())) return;
    const before = choice?.categories;
    apply(read());
    call('changed', before);
  };

  const granted = (category, service) => {
    follow();
    return (
      category == 'necessary' ||
      (!!choice?.categories.includes(category) &&
        (!service || (choice.services?.[category]?.includes?.(service) ?? true)))
    );
  };

  // What follows from it: signals, gated elements, the tracker, the way back.

  const google = command => {
    const signal = category => (granted(category) ? 'granted' : 'denied');
    // Google's tags read the arguments object; an array would not do.
    if (config.google)
      (function () {
        (window.dataLayer ||= []).push(arguments);
      })('consent', command, {
        ad_storage: signal('advertising'),
        ad_user_data: signal('advertising'),
        ad_personalization: signal('advertising'),
        analytics_storage: signal('analytics'),
        functionality_storage: signal('functional'),
        personalization_storage: signal('functional'),
        security_storage: 'granted',
      });
  };

  // `!name` is for what runs where the category was refused.
  const allowed = ({ category, service }) =>
    category[0] == '!' ? choice && !granted(category.slice(1)) : granted(category, service);

  // A copy runs; the blocked original was never started. One after the other, so that an inline script finds what the
  // one before it loaded.
  const run = element => next => {
    const { src, type } = element.dataset;
    if (!allowed(element.dataset) || !element.isConnected) return next();
    const script = element.cloneNode(true);
    script.type = type || '';
    script.onload = script.onerror = next;
    if (src) script.src = src;
    element.replaceWith(script);
    if (!src || element.attributes.async) next();
  };

  // A biscuit in one outline. A border draws it, so that it stays in forced colours.
  const mark = 'display:block;border:16px solid;clip-path:path("M4 4q2-3 4 0 2-3 4 0 2-3 4 0 2-3 4 0 2-3 4 0 3 2 0 4 3 2 0 4 3 2 0 4-2 3-4 2-1 3-3 4 0 3-1 4-2 3-4 0-2 3-4 0-2 3-4 0-3-2 0-4-3-2 0-4-3-2 0-4-3-2 0-4-3-2 0-4M8 8v2h2v-2zM13 8v2h2v-2zM18 8v2h2v-2zM8 13v2h2v-2zM13 13v2h2v-2zM8 18v2h2v-2zM23 23v3h3v-3zM28 18v2h2v-2zM18 28v2h2v-2z")';

  // Waits until the page is read: half an inline script must not run, and the page's own link replaces the button.
  const sync = () => {
    if (document.readyState == 'loading') return;
    for (const element of document.querySelectorAll('[data-category]')) {
      const data = element.dataset;
      if (element.kruimel || !allowed(data)) continue;
      element.kruimel = 1;
      if (element.type == 'text/plain') scripts = scripts.then(() => new Promise(run(element)));
      else if (data.src) element.src = data.src;
    }
    if (!choice || told) return;
    told = dispatchEvent(new CustomEvent('kruimel:onConsent', { detail: { cookie: choice } }));
    if (document.querySelector(reopening)) return;
    const button = document.createElement('button');
    button.title = 'Cookies';
    button.onclick = () => call('showPreferences', button);
    button.style = 'color-scheme:var(--kruimel-scheme,light dark);position:fixed;z-index:999999999;inset-block-end:12px;inset-inline-start:12px;padding:4px;border:2px solid;border-radius:var(--kruimel-radius,8px);background:var(--kruimel-surface,Canvas);color:var(--kruimel-crumb,light-dark(#a8591a,#e2a561))';
    button.append(document.createElement('i'));
    button.firstChild.style = mark;
    root.append(button);
  };

  const apply = (next, hold) => {
    choice = next;
    held = hold;
    google('update');
    // A tracker ends with the receipt that it began under. Before the answer it stays as it is.
    const id = granted('analytics') ? choice.consentId || receipt : undefined;
    if (id != receipt) {
      tracker?.then(api => api.close?.());
      tracker = (receipt = id) && load(config.tracker_glue, config.tracker);
    }
    sync();
  };

  // What is fetched when needed.

  const load = (glue, module) =>
    new Promise(ready => {
      const wasm = fetch(base + ('a/' + module[0]), { integrity: module[1] }).then(answer => answer.arrayBuffer(), ready);
      document.documentElement.append(
        Object.assign(document.createElement('script'), {
          kruimel: { wasm, config, base, read, ready, root, mark, apply },
          crossOrigin: '',
          integrity: glue[1],
          onerror: ready,
          src: base + ('a/' + glue[0]),
        }),
      );
    });

  const call = (name, argument) =>
    (banner ||= load(config.glue[language], config.banner)).then(api => {
      if (api[name]) api[name](argument);
      else banner = 0;
    });

  window.kruimel = {
    acceptedCategory: granted,
    getUserPreferences: () => (follow(), choice),
    // The protocol knows no named event yet: there is no kind that a receipt could grant, so it is discarded.
    track() {},
  };
  for (const name of ['show', 'showPreferences', 'acceptCategory', 'withdraw', 'reset'])
    kruimel[name] = argument => call(name, argument);

  document.documentElement.prepend(root.host);
  document.addEventListener('click', event => {
    const link = event.target.closest(reopening);
    if (link) {
      event.preventDefault();
      call('showPreferences', link);
    }
  });
  google('default');
  apply(read());
  if (!choice || choice.pending) call(choice ? 'resend' : 'show');
  new MutationObserver(sync).observe(document, { subtree: true, childList: true });
  addEventListener('DOMContentLoaded', sync);
  for (const name of ['visibilitychange', 'focus'])
    addEventListener(name, () => {
      held = 0;
      follow();
    });
})();
