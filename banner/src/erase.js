// Removes the declared cookies of what is not granted, as far as a script can.
//
// In: the declaration, the names of the granted categories, the cookies that the page can see. Out: removed cookies. A
// cookie that is hidden from scripts is expired by the collector's answer. Invariant: a cookie is removed on every domain
// and path that this page could have set it on.

// Whether a declared name covers a cookie: the same, or the same beginning where the declaration ends in `*`.
const covers = (declared, name) =>
  declared.endsWith('*') ? name.startsWith(declared.slice(0, -1)) : name == declared;

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

// Hands out what removes the cookies of every category that is not granted.
export function erase(categories, granted, cookies, { hostname, pathname }, remove) {
  for (const category of categories) {
    if (granted(category.name)) continue;
    for (const service of category.services)
      for (const declared of service.cookies)
        for (const cookie of cookies.split('; ')) {
          const name = cookie.split('=')[0];
          if (covers(declared.name, name)) removals(name, hostname, pathname).forEach(remove);
        }
  }
}
