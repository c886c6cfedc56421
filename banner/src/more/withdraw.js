// What follows when something is taken back: all that the services keep in the browser goes, and what stays is told, by the
// next page where this one is loaded again.
//
// In: the declaration, the choice before. Out: emptied storage; the event `kruimel:onChange` with `left`,
// `[{ name, provider, where }]`, and a dialog. `where` is the place, or `elsewhere` for what another company keeps under its own
// address. Invariants: only what is declared is removed; a page that is to be loaded again waits for nothing; a database that
// another tab holds open is not waited for; a place that throws is passed over.

import { abandoned, covers } from '../erase.js';
import { granting } from '../services.js';
import { showLeft } from './left.js';

// A delete that is not answered for this long is held up by another tab.
const PATIENCE_MS = 500;

const entries = storage => ({ list: () => Object.keys(storage()), remove: name => storage().removeItem(name) });

// What the page can see in each place, and how it goes. Cookies are gone by then.
const places = {
  cookie: { list: () => document.cookie.split('; ').map(cookie => cookie.split('=')[0]), remove() {} },
  local: entries(() => localStorage),
  session: entries(() => sessionStorage),
  indexeddb: {
    // A browser that does not list its databases still removes one by its name (Firefox before 126).
    list: async declared => (indexedDB.databases ? (await indexedDB.databases()).map(({ name }) => name) : declared),
    remove: name =>
      new Promise(done => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = request.onerror = request.onblocked = done;
        setTimeout(done, PATIENCE_MS);
      }),
  },
  cache: { list: () => caches.keys(), remove: name => caches.delete(name) },
};

// `again`: the page is about to be loaded again, and the next one goes on with `resume`.
export async function withdraw(loader, before, again) {
  const { categories } = await loader.text();
  if (!again) return tellLeft(loader, categories, before);
  for (const place of ['local', 'session']) empty(categories, place);
}

// Goes on in the page that was loaded again. Without a receipt of before, everything may have been granted.
export async function resume(loader, { pending }) {
  const { categories } = await loader.text();
  const all = { categories: categories.map(category => category.name) };
  const before = pending.earlier ? JSON.parse(atob(pending.earlier)) : all;
  await tellLeft(loader, categories, before);
}

async function empty(categories, place) {
  try {
    const { list, remove } = places[place];
    const gone = abandoned(categories, window.kruimel.acceptedCategory, place);
    const cookies = categories.flatMap(({ services }) => services.flatMap(({ cookies }) => cookies));
    // Without a wait where none is needed: the page may be about to go.
    const names = list(cookies.filter(({ storage }) => storage == place).map(({ name }) => name));
    await Promise.all((names.then ? await names : names).filter(gone).map(remove));
    return await list([]);
  } catch {
    return [];
  }
}

async function tellLeft(loader, categories, before) {
  const { getUserPreferences } = window.kruimel;
  const stays = {};
  for (const place in places) stays[place] = await empty(categories, place);
  // A cookie that is hidden from scripts goes with the collector's answer, where that comes from this host.
  const hidden = new URL(loader.base).hostname != location.hostname;
  const after = granting(categories, getUserPreferences());
  const taken = granting(categories, before).filter(one => !after.includes(one));
  const left = categories.flatMap(category =>
    category.services
      .filter(service => taken.includes(category.name + '/' + service.id))
      .flatMap(service => service.cookies)
      .map(({ name, provider, party, storage = 'cookie', http_only }) => {
        const here = stays[storage].some(one => covers(name, one)) || (http_only && hidden);
        return { name, provider, where: party == 'third' ? 'elsewhere' : here && storage };
      })
      .filter(({ where }) => where),
  );
  if (!left.length) return;
  const changedCategories = categories.map(({ name }) => name).filter(name => taken.some(one => one.split('/')[0] == name));
  loader.tell('onChange', { cookie: getUserPreferences(), changedCategories, left });
  await showLeft(loader, left);
}
