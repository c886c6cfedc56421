// The banner's glue: starts the module inside the classic script that the collector serves, once per language.
//
// Built by `cargo xtask banner`: wasm-bindgen (target web) writes pkg/kruimel_banner.js and pkg/kruimel_banner_bg.wasm;
// `esbuild src/entry.js --bundle --format=iife --minify --loader:.css=text --target=es2021` follows the imports below and
// writes dist/banner.js; the optimised module becomes dist/banner.wasm. `__KRUIMEL_TEXT__` stays as it is (once): the
// collector replaces it by the texts of one language. The tracker follows the same names: tracker/src/entry.js,
// pkg/kruimel_tracker.js, dist/tracker.js, dist/tracker.wasm.
//
// Only `initSync` and the exports are imported, so that esbuild drops wasm-bindgen's own fetching. What the loader hands
// over on `document.currentScript.kruimel` is described at the top of loader.js.
