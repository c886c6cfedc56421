// The tracker's glue: starts the module inside the classic script that the collector serves.
//
// Built by `cargo xtask banner` into dist/tracker.js. A second run of it begins with a new instance of the module.

import { initSync, start, wake, flush, close } from '../../pkg/kruimel_tracker.js';
import { hand_over, loader } from './browser.js';
import code from 'module.wasm';

// Where there is no Navigation API a changed address is told by an event that nobody hears while the gate is closed.
function tellMoves() {
  for (const name of window.navigation || history.kruimel ? [] : ['pushState', 'replaceState']) {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      dispatchEvent(new Event('kruimel:moved'));
      return result;
    };
  }
  history.kruimel = 1;
}

let closed;

// Named only inside: where WebAssembly is switched off, the name itself is missing.
Promise.resolve()
  .then(() => WebAssembly.compile(Uint8Array.from(code, character => character.charCodeAt())))
  .then((module) => {
    initSync({ module });
    hand_over(wake);
    loader.ready({
      close() {
        closed = 1;
        close();
      },
      flush,
    });
    tellMoves();
    if (document.prerendering)
      return new Promise((go) => document.addEventListener('prerenderingchange', go, { once: true }));
  })
  .then(() => closed || start())
  .catch(loader.ready);
