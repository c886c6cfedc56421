// The banner's glue: starts the module inside the classic script that the collector serves, once per language, and writes
// down and sends what the module says was decided.
//
// Built by `cargo xtask banner`: wasm-bindgen (target web) writes pkg/kruimel_banner.js and pkg/kruimel_banner_bg.wasm;
// `esbuild --bundle --format=iife --minify` with .css as text follows the imports below and writes dist/banner.js; the
// optimised module becomes dist/banner.wasm. `__KRUIMEL_TEXT__` stays as it is (once): the collector replaces it by the
// texts of one language. The tracker follows the same names: tracker/src/entry.js, pkg/kruimel_tracker.js,
// dist/tracker.js, dist/tracker.wasm.
//
// Only `initSync` and the exports are imported, so that esbuild drops wasm-bindgen's own fetching. What the loader hands
// over on `document.currentScript.kruimel` is described at the top of loader.js.

import { initSync, start, act } from '../pkg/kruimel_banner.js';
import css from '../assets/banner.css';

const loader = document.currentScript.kruimel;
const text = __KRUIMEL_TEXT__;
const { root, config } = loader;
const { acceptedCategory, getUserPreferences } = window.kruimel;
const names = text.categories.map(category => category.name);
let latest;
let sending = Promise.resolve();

const tell = (name, detail) => dispatchEvent(new CustomEvent('kruimel:' + name, { detail }));

// A set of categories is a bit for each, in the order of the declaration.
const bits = wanted => names.reduce((set, name, index) => (wanted(name) ? set | (1 << index) : set), 0);
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

// Follows a decision at once, before the collector knows of it.
function decide(action, surface, chosen, reset) {
  const first = !getUserPreferences();
  const before = granted();
  const { site, revision } = config;
  const choice = {
    categories: names.filter((_, index) => (chosen >> index) & 1),
    services: {},
    revision,
  };
  const pending = { v: 1, site, action, ...choice, text: text.hash, language: text.lang, surface, reset, earlier: earlier() };
  Object.assign(choice, { day: new Date().toISOString().slice(0, 10), pending });
  loader.apply(choice);
  const changed = before ^ granted();
  if (first) tell('onFirstConsent', { cookie: choice });
  else if (changed) {
    tell('onChange', { cookie: choice, changedCategories: names.filter((_, index) => (changed >> index) & 1) });
  }
  send(choice);
}

// Decisions reach the collector in their order, and only the answer to the latest speaks for the page. Where the collector
// is not reached, or the page is left before it answers, the cookie is set here and the request goes out with the next page.
function send(choice) {
  const keep = () => {
    if (latest != choice) return;
    const domain = config.domain && '; Domain=' + config.domain;
    const secure = location.protocol == 'https:' ? '; Secure' : '';
    const value = encodeURIComponent(JSON.stringify(choice));
    const age = Date.parse(choice.day) + config.days * 864e5 - Date.now();
    document.cookie = `kruimel=${value}; Path=/; SameSite=Lax; Max-Age=${Math.ceil(age / 1e3)}${domain}${secure}`;
  };
  latest = choice;
  addEventListener('pagehide', keep);
  sending = sending
    .then(() =>
      fetch(loader.at('consent'), {
        method: 'POST',
        body: JSON.stringify(choice.pending),
        credentials: 'include',
        keepalive: true,
      }),
    )
    .then(answer => (answer.ok ? answer.json() : Promise.reject()))
    .then(answer => latest == choice && loader.apply(answer))
    .catch(keep)
    .then(() => removeEventListener('pagehide', keep));
}

// What has the focus is never hidden behind the first layer.
const { style } = document.documentElement;
const size = new ResizeObserver(([{ target }]) => {
  const height = target.offsetHeight;
  const edge = target.className == 'top' ? 'scrollPaddingBlockStart' : 'scrollPaddingBlockEnd';
  style[edge] = height ? height + 8 + 'px' : '';
});

const api = {
  show() {
    act('show');
    size.observe(root.querySelector('section'));
  },
  acceptCategory(wanted) {
    if (navigator.userActivation?.isActive) {
      act('acceptCategory', bits(name => wanted == 'all' || [].concat(wanted).includes(name)));
    }
  },
  showPreferences: opener => act('showPreferences', opener),
  withdraw: () => act('withdraw'),
  reset() {
    if (granted() > 1) decide('save', 'api', granted(), true);
  },
  resend: () => send(loader.read()),
};

loader.wasm
  .then(WebAssembly.compile)
  .then(module => {
    initSync({ module });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    start({ root, mark: loader.mark, position: config.position, granted, decide, emit: (name, modalName) => tell(name, { modalName }) }, text);
    root.addEventListener('click', event => {
      const button = event.target.closest('button[value]');
      if (button) act(button.value, button, event.isTrusted);
    });
    root.addEventListener('close', () => act('closed'), true);
    // Enter on a switch submits a form; there is nowhere to send it.
    root.addEventListener('submit', event => event.preventDefault());
    loader.ready(api);
  })
  .catch(loader.fail);
