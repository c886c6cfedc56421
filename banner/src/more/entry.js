// What is seldom needed in a page, as a child of its own, so that the pages of most visitors never fetch it.
//
// In: the loader's handover (see loader.js). Out: functions for `loader.more(name, …)`.

const loader = document.currentScript.kruimel;

loader.ready({});
