// Everything that the tracker asks of the browser, each as the one expression it is, and the one way back: `wake`.
//
// Imported by browser.rs, which says what each gives, and by entry.js. Only numbers and strings cross to the module:
// objects would bring a table of references along, and `web-sys` its type checks, together some two kilobytes.

// What the loader hands over is described at the top of ../../loader.js.
export const loader = document.currentScript.kruimel;

// The signals of tracker.rs.
const [TIMER, ATTENTION, MOVE, LEAVE, RETURN, ANSWER] = [0, 1, 2, 3, 4, 6];

let wake;
let timer;
let listening = new AbortController();

export const hand_over = (exported) => {
  wake = exported;
};

export const listen = () => {
  const on = (target, names, signal) =>
    names.forEach((name) =>
      target?.addEventListener(name, (event) => wake(event.persisted ? RETURN : signal), {
        signal: listening.signal,
      }),
    );
  on(window, ['focus', 'blur', 'pageshow'], ATTENTION);
  on(document, ['visibilitychange'], ATTENTION);
  on(window, ['popstate', 'kruimel:moved'], MOVE);
  on(window.navigation, ['currententrychange'], MOVE);
  addEventListener('pagehide', () => wake(LEAVE), { signal: listening.signal });
};
export const unlisten = () => {
  clearTimeout(timer);
  listening.abort();
};
export const wake_in = (delay) => {
  clearTimeout(timer);
  if (delay < Infinity) timer = setTimeout(wake, delay, TIMER);
};

// Without a signed receipt that grants analytics nothing is told; `read` knows whether it has expired.
export const is_granted = () => {
  const choice = loader.read();
  return (
    !!choice?.sig &&
    choice.categories.includes('analytics') &&
    (choice.services?.analytics?.includes('kruimel') ?? true)
  );
};
export const site = () => loader.config.site;
export const domain = () => loader.config.domain || '';

// A string as body is text/plain and needs no preflight. The request survives the page if that is left meanwhile, and
// carries the cookies to a collector on another host of the same site.
export const send = (body) =>
  fetch(loader.base + 'events', { method: 'POST', body, keepalive: true, credentials: 'include' }).then(
    (answer) => wake(ANSWER, answer.status, answer.headers.get('retry-after') * 1000 || 0),
    () => wake(ANSWER, 0, 0),
  );
export const beacon = (body) => navigator.sendBeacon(loader.base + 'events', body);

export const now_ms = () => performance.now();
export const now_s = () => Date.now() / 1000;
export const random = () => Math.random();
export const random_bits = () => crypto.getRandomValues(new Uint32Array(1))[0];

export const cookies = () => document.cookie;
export const set_cookie = (text) => {
  document.cookie = text;
};
export const is_secure = () => location.protocol == 'https:';
export const is_visible = () => !document.hidden;
export const is_focused = () => document.hasFocus();

export const host = () => location.hostname;
export const path = () => location.pathname;
export const title = () => document.title;
export const referrer = () => document.referrer;
export const parameter = (name) => new URLSearchParams(location.search).get(name) || '';
export const language = () => navigator.language || '';
export const time_zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || '';
export const viewport_width = () => innerWidth;
export const touch_points = () => navigator.maxTouchPoints;
