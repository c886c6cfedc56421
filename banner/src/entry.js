// The banner's glue: starts the module inside the classic script that the collector serves.
//
// Built by `cargo xtask banner`: wasm-bindgen (target web) writes pkg/kruimel_banner.js and the module;
// xtask/bundle.mjs follows the imports below, puts the optimised module in the place of `module.wasm` and the minified
// styles in the place of banner.css, and writes dist/banner.js. The tracker follows the same names. Only `initSync` and
// the exports are imported, so that esbuild drops wasm-bindgen's own fetching. The texts are data, fetched beside it.
// What the loader hands over on `document.currentScript.kruimel` is described at the top of loader.js.

import { initSync, start, show, press, grant, closed } from '../pkg/kruimel_banner.js';
import css from '../assets/banner.css';
import code from 'module.wasm';
import { decisions } from './decide.js';

// The value of the button that opens the preferences, see `Button` in src/view/mod.rs.
const CHOOSE = 3;

const loader = document.currentScript.kruimel;
const { root, mark, tell } = loader;
let opener;

// What has the focus is never hidden behind the first layer.
const { style } = document.documentElement;
const size = new ResizeObserver(([{ target }]) => {
  const height = target.offsetHeight;
  const edge = target.className == 'top' ? 'scrollPaddingBlockStart' : 'scrollPaddingBlockEnd';
  style[edge] = height ? height + 8 + 'px' : '';
  // What stands at the page's end can be scrolled out from behind it.
  if (edge.endsWith('End')) style.paddingBlockEnd = height ? height + 'px' : '';
});

function begin(text) {
  const { bits, granted, decide, resend, changed, reset } = decisions(loader, text);
  const emit = (name, modalName) => tell(name, { modalName });
  start({ root, mark, position: text.position, granted, decide, emit }, text);

  function showPreferences(from) {
    opener = from;
    press(CHOOSE);
  }
  function acceptCategory(wanted) {
    if (navigator.userActivation?.isActive) grant(bits(name => wanted == 'all' || [].concat(wanted).includes(name)));
  }
  const withdraw = () => grant(0);
  function showNotice() {
    show();
    size.observe(root.querySelector('section'));
  }
  // What an element of the page asks for by its `data-cc`.
  const actions = {
    'show-preferencesModal': showPreferences,
    'show-consentModal': showNotice,
    'accept-all': () => acceptCategory('all'),
    'accept-necessary': withdraw,
  };
  return {
    show: showNotice,
    showPreferences,
    acceptCategory,
    withdraw,
    reset,
    resend,
    // What was decided elsewhere in the page.
    decide: decision => decide(...decision),
    // The cookie became another without a decision in this page.
    changed,
    act: element => actions[element.dataset.cc]?.(element),
  };
}

// Named only inside: where WebAssembly is switched off, the name itself is missing.
const compiled = async () => WebAssembly.compile(Uint8Array.from(code, character => character.charCodeAt()));

Promise.all([loader.text(), compiled()])
  .then(([text, module]) => {
    initSync({ module });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    const api = begin(text);
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
