// The tracker's glue: starts the module inside the classic script that the collector serves.
//
// Built by `cargo xtask banner` into dist/tracker.js. What the loader hands over on `document.currentScript.kruimel` is
// described at the top of ../../loader.js. A second run begins with a new instance of the module.

import { initSync, start, wake, flush, close } from '../../pkg/kruimel_tracker.js';

const loader = document.currentScript.kruimel;

const choice = {
  granted() {
    const choice = loader.read();
    return !!choice?.sig && choice.categories.includes('analytics');
  },
};

// Where there is no Navigation API a changed address is told by an event that nobody hears while the gate is closed.
function tellMoves() {
  for (const name of window.navigation || history.kruimel ? [] : ['pushState', 'replaceState']) {
    const original = history[name];
    history.kruimel = 1;
    history[name] = function () {
      const result = original.apply(this, arguments);
      dispatchEvent(new Event('kruimel:moved'));
      return result;
    };
  }
}

function activated() {
  return new Promise((resolve) => {
    if (document.prerendering) document.addEventListener('prerenderingchange', resolve, { once: true });
    else resolve();
  });
}

let open = true;

loader.wasm
  .then(WebAssembly.compile)
  .then((module) => {
    initSync({ module });
    loader.ready({
      close() {
        open = false;
        close();
      },
      flush,
      // The protocol knows no named event yet: there is no kind that a receipt could grant, so it is discarded.
      track() {},
    });
    tellMoves();
    return activated();
  })
  .then(() => {
    const { site, domain } = loader.config;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    if (open) start(site, loader.at('events'), domain, timeZone || '', choice, wake);
  })
  .catch(loader.fail);
