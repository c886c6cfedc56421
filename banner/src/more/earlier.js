// Reads the choice that a visitor made with another tool's banner, before this one stood on the site.
//
// In: the cookies and the localStorage of the page. Out: `{ until }` of a refusal of everything optional, its end as
// YYYY-MM-DD where it is known; undefined for anything else. Invariants: a grant is never taken over; what cannot be
// read, is unfinished or has run out counts as nothing; what is taken over is not found a second time.

import { removals } from '../erase.js';

const DAY_MS = 864e5;
// CitizenLab's own term. Its cookie does not say when it began.
const CITIZENLAB_DAYS = 60;

// Whether a tool's text is a refusal. One that names its end gives that, in milliseconds since 1970.
const tools = {
  cc_cookie(text) {
    const { categories, expirationTime } = JSON.parse(text);
    return categories.every(name => name == 'necessary') && (expirationTime || true);
  },
  // What Klaro's config requires is `true` in its cookie. Which that is, the own declaration says.
  klaro(text, necessary) {
    const services = Object.entries(JSON.parse(text));
    return services.length && services.every(([name, on]) => on === false || (on === true && necessary.includes(name)));
  },
  tarteaucitron: text => /^(![^!=]+=false)+$/.test(text),
  // `functional` is true in every refusal.
  cl2_consent(text) {
    const { analytics, advertising } = JSON.parse(text);
    return analytics === false && advertising === false && Date.now() + CITIZENLAB_DAYS * DAY_MS;
  },
};

const day = time => new Date(time).toISOString().slice(0, 10);

// `find` gives the text that a tool keeps and, where the browser tells, when that ends. No end is later than that of a refusal
// made here, after `days`.
export async function earlier(find, necessary, days) {
  try {
    const ends = [];
    let found;
    for (const name in tools) {
      const kept = await find(name);
      if (!kept) continue;
      found = true;
      const refused = tools[name](kept.text, necessary);
      if (!refused) return;
      const end = kept.end ?? refused;
      if (end !== true) ends.push(end);
    }
    const until = Math.min(...ends);
    if (!found || until < Date.now()) return;
    return ends.length ? { until: day(Math.min(until, Date.now() + days * DAY_MS)) } : {};
  } catch {}
}

// What the page's own device holds: a cookie, or an entry of localStorage.
export async function kept(name) {
  const cookie = document.cookie.split('; ').find(one => one.startsWith(name + '='));
  if (!cookie) {
    const text = localStorage.getItem(name);
    return text && { text };
  }
  const { expires } = (await globalThis.cookieStore?.get(name)) ?? {};
  return { text: decodeURIComponent(cookie.slice(name.length + 1)), end: expires ?? undefined };
}

// Removes what the tools keep, which has another place from now on.
export function forget() {
  for (const name in tools) {
    for (const removal of removals(name, location.hostname, location.pathname)) document.cookie = removal;
    localStorage.removeItem(name);
  }
}
