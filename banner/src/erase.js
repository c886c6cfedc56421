// Removes the declared cookies of what is not granted, as far as a script can.
//
// In: the declaration, what is granted, the cookies that the page can see. Out: removed cookies. A cookie that is hidden
// from scripts is expired by the collector's answer; what else a browser keeps is left to more/withdraw.js. Invariants: a
// cookie is removed on every domain and path that this page could have set it on; one that a granted service declares too
// stays.

// Whether a declared name covers another: the same, or the same beginning where the declaration ends in `*`.
export const covers = (declared, name) =>
  declared.endsWith('*') ? name.startsWith(declared.slice(0, -1)) : name == declared;

// Tells of a name, in one place of the browser, whether services declare it that are not granted, and no other.
export function abandoned(categories, granted, place) {
  const declared = [[], []];
  for (const category of categories)
    for (const service of category.services)
      for (const { name, storage = 'cookie' } of service.cookies)
        if (storage == place) declared[+granted(category.name, service.id)].push(name);
  const [gone, kept] = declared.map(names => name => names.some(one => covers(one, name)));
  return name => gone(name) && !kept(name);
}

// Every string that removes a cookie: each domain from none and the host upwards (a browser refuses a public suffix by
// itself), each folder of the path with its slash and without.
export function removals(name, host, path) {
  const labels = host.split('.');
  const domains = ['', ...labels.map((_, index) => '; Domain=' + labels.slice(index).join('.'))];
  const steps = path.split('/');
  const folders = steps.flatMap((_, index) => {
    const folder = steps.slice(0, index + 1).join('/');
    return [folder, folder + '/'];
  });
  return domains.flatMap(domain => folders.map(folder => `${name}=; Max-Age=0; Path=${folder}${domain}`));
}

// Hands out what removes the cookies of every service that is not granted.
export function erase(categories, granted, cookies, { hostname, pathname }, remove) {
  for (const cookie of cookies.split('; ')) {
    const name = cookie.split('=')[0];
    if (abandoned(categories, granted, 'cookie')(name)) removals(name, hostname, pathname).forEach(remove);
  }
}
