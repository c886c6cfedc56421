// The banner's glue: starts the module inside the classic script that the collector serves, once per language.
//
// Built by `cargo xtask banner`: wasm-bindgen (target web) writes pkg/kruimel_banner.js and pkg/kruimel_banner_bg.wasm;
// `esbuild --bundle --format=iife --minify` with .css as text follows the imports below and writes dist/banner.js; the
// optimised module becomes dist/banner.wasm. `__KRUIMEL_TEXT__` stays as it is (once): the collector replaces it by the
// texts of one language. The tracker follows the same names: tracker/src/entry.js, pkg/kruimel_tracker.js,
// dist/tracker.js, dist/tracker.wasm.
//
// Only `initSync` and the exports are imported, so that esbuild drops wasm-bindgen's own fetching. What the loader hands
// over on `document.currentScript.kruimel` is described at the top of loader.js.

import * as banner from '../pkg/kruimel_banner.js';
import css from '../assets/banner.css';

const loader = document.currentScript.kruimel;
const text = __KRUIMEL_TEXT__;
const { root, config } = loader;
const { acceptedCategory, getUserPreferences } = window.kruimel;
let asking = Promise.resolve();
let latest;

const tell = (name, detail) => dispatchEvent(new CustomEvent('kruimel:' + name, { detail }));

// Decisions reach the collector in their order, and only the answer to the latest speaks for the page. Where the collector
// is not reached, or the page is left before it answers, the cookie is set here and the request goes out with the next page.
function send(choice, cookie) {
  const keep = () => {
    if (latest == choice && cookie) document.cookie = cookie;
  };
  latest = choice;
  addEventListener('pagehide', keep);
  asking = asking
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

// Follows a decision at once, before the collector knows of it.
function decide(kept, cookie) {
  const first = !getUserPreferences();
  const before = config.categories.map(name => acceptedCategory(name));
  const choice = JSON.parse(kept);
  loader.apply(choice);
  const changedCategories = config.categories.filter((name, index) => acceptedCategory(name) != before[index]);
  if (first) tell('onFirstConsent', { cookie: choice });
  else if (changedCategories[0]) tell('onChange', { cookie: choice, changedCategories });
  send(choice, cookie);
}

// What has the focus is never hidden behind the first layer.
const { style } = document.documentElement;
const size = new ResizeObserver(([{ target }]) => {
  const height = target.offsetHeight && target.offsetHeight + 8 + 'px';
  style[target.className == 'top' ? 'scrollPaddingBlockStart' : 'scrollPaddingBlockEnd'] = height || '';
});

loader.wasm
  .then(WebAssembly.compile)
  .then(module => {
    banner.initSync({ module });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    banner.start({ ...loader, granted: acceptedCategory, decide, emit: (name, modalName) => tell(name, { modalName }) }, text);
    for (const kind of ['click', 'submit', 'close']) root.addEventListener(kind, banner.handle, true);
    loader.ready({
      show() {
        banner.show();
        size.observe(root.querySelector('section'));
      },
      showPreferences: banner.show_preferences,
      acceptCategory: names => navigator.userActivation?.isActive && banner.accept_category([].concat(names).join()),
      withdraw: banner.withdraw,
      reset: banner.reset,
      resend: () => send(loader.read()),
    });
  })
  .catch(loader.fail);
