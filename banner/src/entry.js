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

import { initSync, start, show, press, grant, closed } from '../pkg/kruimel_banner.js';
import css from '../assets/banner.css';
import { decisions } from './decide.js';

// The value of the button that opens the preferences, see `Button` in src/view/mod.rs.
const CHOOSE = 3;

const loader = document.currentScript.kruimel;
const text = __KRUIMEL_TEXT__;
const { root, mark } = loader;
const { bits, granted, decide, send, tell, changed, reset } = decisions(loader, text);
let opener;

function showPreferences(from) {
  opener = from;
  press(CHOOSE);
}

// What has the focus is never hidden behind the first layer.
const { style } = document.documentElement;
const size = new ResizeObserver(([{ target }]) => {
  const height = target.offsetHeight;
  const edge = target.className == 'top' ? 'scrollPaddingBlockStart' : 'scrollPaddingBlockEnd';
  style[edge] = height ? height + 8 + 'px' : '';
  // What stands at the page's end can be scrolled out from behind it.
  if (edge.endsWith('End')) style.paddingBlockEnd = height ? height + 'px' : '';
});

const api = {
  show() {
    show();
    size.observe(root.querySelector('section'));
  },
  showPreferences,
  acceptCategory(wanted) {
    if (navigator.userActivation?.isActive) grant(bits(name => wanted == 'all' || [].concat(wanted).includes(name)));
  },
  withdraw: () => grant(0),
  reset,
  resend() {
    const choice = loader.read();
    if (choice?.pending) send(choice);
  },
  // The cookie became another without a decision in this page.
  changed,
};

loader.wasm
  // Named only here: where WebAssembly is switched off, the name itself is missing.
  .then(bytes => WebAssembly.compile(bytes))
  .then(module => {
    initSync({ module });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    start({ root, mark, position: text.position, granted, decide, emit: (name, modalName) => tell(name, { modalName }) }, text);
    root.addEventListener('click', event => {
      const button = event.target.closest('button[value]');
      if (!button) return;
      if (button.value == CHOOSE) opener = button;
      press(button.value, event.isTrusted);
    });
    // Neither `close` nor its way back bubbles.
    root.addEventListener('close', () => (closed(), opener?.focus()), true);
    // Enter on a switch submits a form; there is nowhere to send it.
    root.addEventListener('submit', event => event.preventDefault());
    loader.ready(api);
  })
  .catch(loader.ready);
