// The loader: the one script tag. It reads the visitor's choice, keeps what is gated closed, and fetches the banner or the
// gate only when one of them has work to do. No choice, no network or no WASM: all stays closed.
//
// In:  `__KRUIMEL_CONFIG__`, which the collector replaces by the site's wire::PublicConfig, and the cookie `kruimel`. The
//      names `KRUIMEL_…` are switches: the build writes the loader once for every set of them, and the collector serves
//      each site the one without what the site does not use (xtask/bundle.mjs).
// Out: `window.kruimel` (see kruimel.d.ts), the event `kruimel:onConsent`, the consent signals of other companies' tags, the
//      way back to the settings: the page's own `data-cc="show-preferencesModal"`, or a small button where it has none.
// Invariants: nothing opens without a live choice that grants it; a cookie that cannot be read is no choice, and a grant is
//      none until it is proven: anyone can write a cookie, so the gate asks the collector, which has the key; the site of
//      a visitor who refused fetches nothing but this file, which fits in 2,048 bytes of brotli with its config in it.
//
// HANDOVER to the four children: the banner; the gate, which opens what was granted (src/gate/); the tracker, which the gate
// fetches; and `more`, which has what is seldom needed (src/more/). Each is a classic script, checked by integrity, with
// its WASM module in it where it has one. The loader puts one object on the script element before it is inserted, and the
// child's first line takes it: `const loader = document.currentScript.kruimel;`.
//
//   config                  wire::PublicConfig
//   base                    the collector's address, with a slash at its end: base + 'events', base + 'consent'
//   text()                  Promise of texts and declaration in the visitor's language; data, fetched beside the banner
//   read()                  reads the cookie again: the live choice as an object, or undefined. Ask it before each flush:
//                           `const choice = loader.read(); choice?.sig && choice.categories.includes('analytics')`
//   ready(api)              the child says that it runs, and hands over its functions; or, with an error, that it cannot
//                           start: then it must leave nothing behind
//   root, mark              shadow root of <kruimel-banner>, in the page; style of an element that draws the biscuit
//   apply(choice, held)     the page follows a choice from this moment on. `held`: the collector has yet to answer, so
//                           the cookie does not say it yet; a second call ends that
//   tell(name, detail)      dispatches an event on the window
//   call(name, argument)    calls a function of the banner, which it fetches first where needed
//   more(name, ...)         Promise of what a function of `more` returns
//   ran                     `data-…` of every gated element that was released, also of those that left the page since
//   proven                  by the cookie's text: whether its grant is the visitor's own; what is not in it is not known
//   allowed(data)           whether what a gated element's `data-…` name may be opened
//   load(name, hash)        Promise of a child's api
//   open(name, argument)    calls a function of the gate, which it fetches first where needed; without a name it fetches
//   trusted                 the policy under which a page with Trusted Types takes a script
//
// What the page applies at the moment, also before the collector has answered, is `kruimel.acceptedCategory(name)`. The
// cookie is asked at every release and whenever the page is looked at again: another tab may have changed it. A click that
// waits for its answer counts here until another tab changed the cookie.
//
// The banner's api:  { show(), showPreferences(opener?), acceptCategory(names), withdraw(), reset(), resend(),
// changed(before), act(element) }. It writes the choice (answer of the collector, or a script-set cookie with `pending`) and
// tells `onFirstConsent`, `onChange`, `onModalShow`, `onModalHide`. `act` does what an element's `data-cc` says.
// The api of `more`: { frames(), … }, see src/more/entry.js. It is fetched by the loader only for a gated frame that may
// not be shown: something has to stand in its place.
// The gate's api: { prove(cookie), release(), measure() }, see src/gate/entry.js. It is fetched for a cookie that names a
// grant, for whatever may be opened, and for what runs only where a category was refused.
// The tracker's api: { close(), flush() }. The tracker is fetched only while analytics is granted
// and the receipt is signed. `close()` must drop queue, listeners and timers at once and send nothing more; it can come
// directly after `ready`, when the choice changed during the fetch. After a new grant on the same page the gate inserts the
// script again: a second run of the same file has to start from nothing, with a new module instance.

(() => {
  const config = __KRUIMEL_CONFIG__;
  // A second tag does nothing. (An element with this id is reachable by the same name, but has no `track`.)
  if (window.kruimel?.track) return;

  const { documentElement } = document;
  const { src, nonce } = document.currentScript;
  const base = src.replace(/[^/]*$/, '');
  const root = document.createElement('kruimel-banner').attachShadow({ mode: 'open' });
  const reopening = '[data-cc="show-preferencesModal"]';
  // A signal against tracking stands for a refusal where the site says so; it is looked up in this browser alone.
  const quiet = KRUIMEL_QUIET && (navigator.globalPrivacyControl || (config.dnt && navigator.doNotTrack == 1));
  // `kept` is the cookie's text. While `held`, what that was then, the collector has yet to answer, and what was clicked
  // counts. `unsure` is a cookie whose grant is not proven, `asking` lasts until it is or, where nobody answered, until the
  // page is looked at again. `gate` is 0 once it could not be fetched.
  let choice, told, banner, gate, texts, extra, framed, kept, unsure, asking;
  const ran = [];
  const proven = {};
  let held = 1;

  const tell = (name, detail) => {
    for (const prefix of KRUIMEL_ALIASES ? ['kruimel:', 'cc:'] : ['kruimel:'])
      dispatchEvent(new CustomEvent(prefix + name, { detail }));
  };

  // What the visitor chose. A cookie that cannot be read is no choice, and neither is a grant that is not proven.
  const read = () => {
    unsure = 0;
    kept = 2;
    try {
      // The last of them: where a site's hosts began to share a domain, an older one can stand before it.
      kept = document.cookie.match(/(.* |^)kruimel=([^;]+)/)[2];
      const cookie = JSON.parse(decodeURIComponent(kept));
      const left = (cookie.expirationTime || Date.parse(cookie.day) + config.days * 864e5) - new Date();
      if (
        cookie.revision === config.revision &&
        cookie.categories.includes('necessary') &&
        left > 0 &&
        // No choice is kept for longer than 13 months (395 days).
        left < 35e9 &&
        (cookie.categories == 'necessary' || (proven[kept] ?? !(unsure = kept)))
      )
        return cookie;
    } catch {}
  };

  const ask = next =>
    (asking ||= open('prove', unsure)
      .catch(() => {})
      .then(() => {
        read();
        asking = !!unsure;
        next();
      }));

  // Another tab decided, or the choice has run out. What changed is told by the banner.
  const state = choice => JSON.stringify([choice]);
  const follow = () => {
    if (held || (asking && !choice)) return;
    const next = read();
    if (unsure) return ask(follow);
    if (state(choice) == state(next)) return;
    const before = choice;
    apply(next);
    call('changed', before);
  };

  const granted = (category, service) => {
    follow();
    return (
      category == 'necessary' ||
      (!!choice?.categories.includes(category) &&
        (service == null || (choice.services?.[category]?.includes?.(service) ?? true)))
    );
  };

  // What follows from it: signals, gated elements, the way back.

  const signals = command => {
    // A category that was granted in part does not speak for all of its services.
    const signal = category => (granted(category) && !choice?.services?.[category] ? 'granted' : 'denied');
    const ad_storage = signal('advertising');
    const analytics_storage = signal('analytics');
    const functional = signal('functional');
    // Google's tags read the arguments object; an array would not do.
    if (KRUIMEL_GOOGLE)
      (function () {
        (window.dataLayer ||= []).push(arguments);
      })('consent', command, {
        ad_storage,
        ad_user_data: ad_storage,
        ad_personalization: ad_storage,
        analytics_storage,
        functionality_storage: functional,
        personalization_storage: functional,
        security_storage: 'granted',
      });
    if (KRUIMEL_MICROSOFT) {
      (window.uetq ||= []).push('consent', command, { ad_storage });
      (window.clarity ||= function () {
        (clarity.q ||= []).push(arguments);
      })('consentv2', { ad_Storage: ad_storage, analytics_Storage: analytics_storage });
    }
  };

  // `!name` is for what runs where the category was refused. What belongs to no service needs the whole category.
  const allowed = ({ category, service }) =>
    category[0] == '!' ? (choice || quiet) && !granted(category.slice(1)) : granted(category, service ?? '');

  const trusted = KRUIMEL_TRUSTED_TYPES && window.trustedTypes?.createPolicy('kruimel', { createScript: text => text, createScriptURL: text => text });

  // A biscuit with one broken corner. Its scallops are the dots of a border, so that they stay in forced colours. Where the
  // site asks for so much that it does not fit, a ring of crumbs.
  const mark = KRUIMEL_MARK
    ? 'display:block;width:20px;height:20px;border:4px dotted;background:radial-gradient(var(--kruimel-surface,Canvas) 1px,#0000 1.5px) 0 0/7px 7px content-box,linear-gradient(currentcolor 0 0) 50%/24px 24px no-repeat border-box;clip-path:polygon(0 0,100% 0,100% 60%,60% 60%,50% 100%,0 100%)'
    : 'display:block;width:16px;height:16px;border:6px dotted;border-radius:50%';

  const button = document.createElement('button');
  button.title = config.words?.[documentElement.lang.slice(0, 2)] ?? 'Cookies';
  button.onclick = () => call('showPreferences', button);
  button.style =
    'position:fixed;z-index:999999999;bottom:12px;inset-inline-start:12px;padding:6px;border:2px solid;border-radius:8px;background:var(--kruimel-surface,Canvas);color:var(--kruimel-crumb,light-dark(#a8591a,#e2a561))';
  button.append(document.createElement('i'));
  button.firstChild.style = mark;

  // Waits until the page is read: half an inline script must not run, and the page's own link replaces the button.
  // A gate that could not be fetched is not asked for at every change of the page.
  const sync = changes => {
    if (document.readyState == 'loading') return;
    let due;
    for (const { dataset, kruimel, tagName } of document.querySelectorAll('[data-category]'))
      if (!kruimel)
        if (allowed(dataset)) due = 1;
        else if (tagName == 'IFRAME') framed ||= more('frames').catch(() => 0);
    if (due && (gate !== 0 || !changes)) open('release');
    if (!choice && !quiet && !asking) return;
    if (choice) told ||= tell('onConsent', { cookie: choice }) || 1;
    if (document.querySelector(reopening)) button.remove();
    else if (!button.isConnected) root.append(button);
  };

  const apply = (next, hold) => {
    choice = next;
    held = hold && (read(), kept);
    signals('update');
    if (gate || granted('analytics', 'kruimel')) open('measure');
    sync();
  };

  // What is fetched when needed.

  // The collector chooses the language, by what the page is in and what the browser asks for anyway.
  const text = () =>
    (texts ||= fetch(base + `a/text.${config.text}.json?` + [documentElement.lang, ...navigator.languages]).then(answer =>
      answer.json(),
    ));

  const load = (name, hash = config[name]) =>
    new Promise(ready => {
      const src = base + `a/${name}.${hash}.js`;
      documentElement.append(
        Object.assign(document.createElement('script'), {
          kruimel: { config, base, text, read, ready, root, mark, apply, tell, call, more, ran, proven, allowed, load, open, trusted },
          crossOrigin: '',
          integrity: `sha256-${hash}=`,
          nonce,
          onerror: ready,
          // Nothing that another script finds later.
          onload() {
            this.kruimel = 0;
          },
          src: trusted ? trusted.createScriptURL(src) : src,
        }),
      );
    });

  const call = (name, argument) => {
    text().catch(() => (texts = 0));
    (banner ||= load('banner')).then(api => {
      if (api[name]) api[name](argument);
      else banner = 0;
    });
  };

  const open = (name, argument) =>
    (gate ||= load('gate')).then(api => {
      if (api.prove) return api[name]?.(argument);
      gate = 0;
    });

  const more = (name, ...rest) => (extra ||= text().then(texts => load('more', texts.more))).then(api => api[name]?.(...rest));

  window.kruimel = {
    acceptedCategory: granted,
    getUserPreferences: () => (follow(), choice),
    // The protocol knows no named event yet: there is no kind that a receipt could grant, so it is discarded.
    track() {},
  };
  for (const name of ['show', 'showPreferences', 'acceptCategory', 'withdraw', 'reset'])
    kruimel[name] = argument => call(name, argument);

  if (KRUIMEL_THEME) root.host.style = config.theme;
  documentElement.prepend(root.host);
  document.addEventListener('click', event => {
    const link = event.target.closest('[data-cc]');
    if (link) {
      event.preventDefault();
      call('act', link);
    }
  });
  const start = () => {
    if (held == 1) apply(read());
    // Where nobody says whether a grant is one, nothing opens and nobody is asked.
    if (choice ? choice.pending : !quiet && !asking) call(choice ? 'resend' : 'show');
    new MutationObserver(sync).observe(document, { subtree: true, childList: true });
    addEventListener('DOMContentLoaded', sync);
    for (const name of ['focus', 'visibilitychange'])
      addEventListener(name, () => {
        if (read(), held != kept) held = 0;
        if (asking == true) asking = 0;
        follow();
        sync();
      });
  };
  signals('default');
  read();
  if (unsure) ask(start);
  else start();
})();
