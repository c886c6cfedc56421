// Services that are chosen one by one: how a choice names them. Pure.
//
// Invariants: a choice names services only of a category that is granted in part; a category of which nothing is granted
// is not granted; the first, `necessary`, always is.

// Categories, of a bit for each, and the services wanted of some of them, as a choice has both.
export function partial(declared, chosen, wanted = {}) {
  const services = {};
  const categories = declared.filter((category, index) => {
    const { name } = category;
    if (!index || !((chosen >> index) & 1) || !wanted[name]) return !index || (chosen >> index) & 1;
    const ids = category.services.map(service => service.id);
    const some = ids.filter(id => wanted[name].includes(id));
    if (some.length && some.length < ids.length) services[name] = some;
    return some.length;
  });
  return { categories: categories.map(category => category.name), services };
}

// What a choice grants beside what is necessary: `category` for each, and `category/service`.
export const granting = (declared, choice) =>
  declared.slice(1).flatMap(({ name, services }) => {
    if (!choice?.categories.includes(name)) return [];
    const ids = choice.services?.[name] ?? services.map(service => service.id);
    return [name, ...ids.map(id => name + '/' + id)];
  });

// What of a choice was granted before: categories and services as `partial` takes them; and whether the choice grants `more`
// than that, and took `less` than there was.
export function shared(declared, before, choice) {
  const had = granting(declared, before);
  const wants = granting(declared, choice);
  const both = wants.filter(one => had.includes(one));
  const chosen = declared.reduce((set, { name }, index) => set | (both.includes(name) << index), 1);
  const services = {};
  for (const category of declared) {
    const ids = category.services.map(service => service.id);
    if (ids.length) services[category.name] = ids.filter(id => both.includes(category.name + '/' + id));
  }
  return { chosen, services, more: both.length < wants.length, less: both.length < had.length };
}
