// The loader: the one script tag. It reads the visitor's choice, keeps what is gated closed, opens what was granted, and
// fetches the banner or the tracker only when one of them has work to do. No choice, no network or no WASM: all stays closed.
//
// In:  `__KRUIMEL_CONFIG__`, which the collector replaces by the site's wire::PublicConfig, and the cookie `kruimel`.
// Out: `window.kruimel` (see kruimel.d.ts), the events `kruimel:…` on `window`, Google's consent signals.
// Invariant: nothing opens without a live choice that grants it; a cookie that cannot be read is no choice.
//
// HANDOVER to the two children. A child is a classic script (esbuild's iife of src/entry.js or tracker/src/entry.js) and a
// module, fetched side by side. The loader puts one object on the script element before it is inserted, and the child's
// first line takes it: `const loader = document.currentScript.kruimel;`. It has:
//
//   wasm                    Promise of the module's bytes (ArrayBuffer), checked by integrity:
//                           `loader.wasm.then(WebAssembly.compile).then(module => { initSync({ module }); … })`
//   config, language        wire::PublicConfig, and the key of `config.glue` that was negotiated
//   at(path)                absolute address under the collector's prefix: at('events'), at('consent'), at('a/…')
//   read()                  reads the cookie again: the live choice as an object, or undefined. Ask it before each flush:
//                           `const choice = loader.read(); choice?.sig && choice.categories.includes('analytics')`
//   granted(category, service?)   what this page applies at the moment, also before the collector has answered
//   ready(api)              the child says that it runs, and hands over its functions
//   fail()                  the child says that it cannot start; it must leave nothing behind
//   for the banner only:    root (shadow root of <kruimel-banner>, in the page), mark() (a new <svg>), apply(text),
//                           send(body, cookie), emit(name, detail)
//
// The banner's api:  { show(), showPreferences(opener?), acceptCategory(names), withdraw(), reset() }
// The tracker's api: { close(), track(name, properties), flush() }. The tracker is fetched only while analytics is granted
// and the receipt is signed. `close()` must drop queue, listeners and timers at once and send nothing more; it can come
// directly after `ready`, when the choice changed during the fetch. After a new grant on the same page the loader inserts the
// script again: a second run of the same file has to start from nothing, with a new module instance.
