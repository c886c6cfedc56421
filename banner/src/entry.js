// The banner's glue: starts the module inside the classic script that the collector serves.
//
// Built by `cargo xtask banner`: wasm-bindgen (target web) writes pkg/kruimel_banner.js and the module;
// xtask/bundle.mjs follows the imports below, puts the optimised module in the place of `module.wasm` and the minified
// styles in the place of banner.css, and writes dist/banner.js. The tracker follows the same names. Only `initSync` and
// the exports are imported, so that esbuild drops wasm-bindgen's own fetching. The texts are data, fetched beside it.
// What the loader hands over on `document.currentScript.kruimel` is described at the top of loader.js.

import { initSync, draw, press, call } from '../pkg/kruimel_banner.js';
import css from '../assets/banner.css';
import code from 'module.wasm';
import { decisions } from './decide.js';
import { page } from './page.js';
import { follow, services, set } from './switches.js';

// The values of buttons, see src/view/mod.rs.
const CHOOSE = 3;
const CLOSE = 4;
// How long a gesture of the visitor lets a call of the page grant.
const GESTURE_MS = 1000;
// When what follows from a press begins at the latest; a window that is covered paints no frames.
const SETTLE_MS = 100;
// When a screen reader knows the first layer, and hears what is added to it.
const ANNOUNCE_MS = 100;
// Where other tools keep a choice, see src/more/earlier.js.
const FOREIGN = ['cc_cookie', 'klaro', 'tarteaucitron', 'cl2_consent'];

const loader = document.currentScript.kruimel;
const { root, mark, tell } = loader;
const { documentElement: html } = document;
let opener, gesture;

const all = selector => [...root.querySelectorAll(selector)];
const find = selector => root.querySelector(selector);
const switches = () => all('article input');
const now = () => performance.now();

const names = { section: 'consentModal', dialog: 'preferencesModal' };
const shown = layer => tell('onModalShow', { modalName: names[layer] });
function remove(layer) {
  if (!find(layer)) return;
  find(layer).remove();
  tell('onModalHide', { modalName: names[layer] });
}

// What has the focus is never hidden behind the first layer: what stands at that end of the page can be scrolled out from
// behind it. Nothing moves for it on the screen, and all is as it was when the layer is gone.
const styled = {};
function style(name, value) {
  styled[name] ??= html.style[name];
  html.style[name] = value || styled[name];
}
const start = () => parseFloat(getComputedStyle(html).paddingBlockStart);
const size = new ResizeObserver(([{ target }]) => {
  const fit = () => {
    const height = target.offsetHeight;
    const edge = target.className == 'top' ? 'BlockStart' : 'BlockEnd';
    const before = start();
    style('scrollPadding' + edge, height && height + 8 + 'px');
    style('padding' + edge, height && height + 'px');
    if (edge == 'BlockEnd') return;
    style('minBlockSize', height && `calc(100vh + ${height}px)`);
    scrollBy({ top: start() - before, behavior: 'instant' });
  };
  // In a page that fits its window a scroll bar would appear, and move everything; it waits for the visitor.
  if (!target.offsetHeight || html.scrollHeight > html.clientHeight) fit();
  else for (const name of ['keydown', 'pointerdown', 'wheel']) addEventListener(name, fit, { once: true, passive: true });
});

// Whether the page's own device holds a choice made with another tool, and never had one of ours, of whichever revision.
function isForeign() {
  try {
    return !/(^| )kruimel=/.test(document.cookie) && FOREIGN.some(name => document.cookie.includes(name + '=') || localStorage.getItem(name));
  } catch {}
}

// A press is answered by the next frame; what follows from it comes after that, or as soon as the page is left.
let due;
function settle() {
  const act = due;
  due = 0;
  if (!act) return;
  act();
  remove('section');
  // The event `close` follows, as it does after Escape.
  find('dialog')?.close();
}

function begin(text) {
  const { bits, granted, resend, changed, reset, ...decisive } = decisions(loader, text);
  const { acceptedCategory } = window.kruimel;
  const options = (text.options ||= {});
  const signal = navigator.globalPrivacyControl ? 'gpc' : options.dnt && navigator.doNotTrack == 1 && 'dnt';
  // What a call of the page leaves as it is.
  let kept;

  page.mark = mark;
  page.decide = (action, surface, chosen) => {
    settle();
    const extra = kept || { services: services(switches()), session: all('[name=session]').pop()?.checked };
    if (action != 'save') extra.services = {};
    for (const layer of all('section, dialog')) layer.hidden = true;
    due = () => decisive.decide(action, surface, chosen, extra);
    requestAnimationFrame(() => setTimeout(settle));
    setTimeout(settle, SETTLE_MS);
  };

  function put(preferences) {
    // Where the visitor allowed what the signal forbids, only that this counts more.
    if (signal)
      text.note = (acceptedCategory('advertising') ? '' : text.text[signal] + ' ') + text.text.signal_override;
    page.values = [root, text];
    draw(preferences);
    page.values = [];
  }
  function showNotice() {
    if (find('section')) return;
    put(false);
    const title = find('[aria-live]');
    size.observe(find('section'));
    setTimeout(() => title.append(title.firstChild), ANNOUNCE_MS);
    shown('section');
  }
  // A refusal that another tool took is taken over, before anything is asked.
  async function show() {
    const found = !loader.read() && isForeign() && (await loader.more('earlier').catch(() => {}));
    if (found) decisive.decide('refuse', 'import', 1, { until_day: found.until });
    else showNotice();
  }
  function showPreferences(from) {
    opener = from;
    if (find('dialog')) return;
    const choice = loader.read();
    // What was granted in part, wherever that was, is shown in its parts.
    if (Object.keys(choice?.services || {}).length) options.switches = true;
    put(true);
    set(switches(), acceptedCategory);
    const boxes = all('[name=session]');
    const box = boxes.pop();
    // What the first layer below says, if it is there.
    if (box) box.checked = boxes[0]?.checked ?? choice?.session;
    const dialog = find('dialog');
    dialog.showModal();
    dialog.focus();
    shown('dialog');
  }
  // Whether the visitor has just pressed something of the page. What was pressed before this script came, the browser
  // tells; a press of the banner's own is no gesture for a script of the page.
  const gestured = () => (gesture == null ? navigator.userActivation?.isActive : now() - gesture < GESTURE_MS);
  // What the page's own script grants, or takes back, at once.
  function choose(wanted) {
    const { services = {}, session } = loader.read() || {};
    kept = { services: Object.fromEntries(Object.entries(services).filter(([name]) => !wanted(name))), session };
    const more = bits(wanted) & ~1;
    call(gestured(), granted(), more && more | granted());
    kept = 0;
    settle();
  }
  function acceptCategory(names) {
    const wanted = name => names == 'all' || [].concat(names).includes(name);
    // A name that the site does not know is nothing to decide.
    if (bits(wanted) & ~1) choose(wanted);
  }
  const withdraw = () => choose(() => false);

  root.addEventListener('click', event => {
    const button = event.target.closest('button[value]');
    const value = button?.value;
    if (!value) return;
    if (value == CHOOSE) return showPreferences(button);
    if (value == CLOSE) return find('dialog').close();
    const on = bits(name => switches().find(one => one.name == name)?.checked);
    press(event, value, !!find('dialog'), granted(), on);
  });
  // Whoever comes near is about to choose: what a grant opens needs the gate, and the collector may be slow by then.
  for (const name of ['pointerover', 'focusin']) root.addEventListener(name, () => loader.open(), { once: true });
  root.addEventListener('change', event => follow(switches(), event.target));
  // Neither `close` nor its way back bubbles.
  root.addEventListener('close', () => (remove('dialog'), opener?.focus?.()), true);
  // Enter on a switch submits a form; there is nowhere to send it.
  root.addEventListener('submit', event => event.preventDefault());
  for (const name of ['pagehide', 'visibilitychange']) addEventListener(name, settle, true);
  for (const name of ['click', 'keydown'])
    addEventListener(
      name,
      event => event.isTrusted && (gesture = event.composedPath().includes(root) ? -GESTURE_MS : now()),
      true,
    );

  // What an element of the page asks for by its `data-cc`.
  const actions = {
    'show-preferencesModal': showPreferences,
    'show-consentModal': showNotice,
    'accept-all': () => acceptCategory('all'),
    'accept-necessary': withdraw,
  };
  return {
    show,
    showPreferences,
    acceptCategory,
    withdraw,
    reset,
    resend,
    // What was decided in a placeholder, which saw the press.
    decide([action, , ...decision]) {
      decisive.decide(action, 'placeholder', ...decision);
      remove('section');
    },
    // The cookie became another without a decision in this page.
    changed,
    act: element => actions[element.dataset.cc]?.(element),
  };
}

// The styles, and the owner's colours. A style sheet that a script cannot make is fetched.
function dress(text) {
  for (const name in text.options?.theme) root.host.style.setProperty(name, text.options.theme[name]);
  if ('replaceSync' in CSSStyleSheet.prototype) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } else
    return new Promise((onload, onerror) =>
      root.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: loader.base + 'a/' + text.css, onload, onerror })),
    );
}

// Named only inside: where WebAssembly is switched off, the name itself is missing.
const compiled = async () => WebAssembly.compile(Uint8Array.from(code, character => character.charCodeAt()));

Promise.all([loader.text(), compiled(), loader.text().then(dress)])
  .then(([text, module]) => {
    initSync({ module });
    loader.ready(begin(text));
  })
  .catch(error => {
    loader.ready(error);
    loader.more('bar').catch(() => {});
  });
