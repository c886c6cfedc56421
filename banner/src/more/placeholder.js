// What stands for a gated frame: who provides it, that it is loaded only if allowed, and two buttons.
//
// In: the frame's data, the texts, what "once" does. Out: a <kruimel-embed> with a root of its own, out of reach of the
// page's style. Invariants: "always" is a decision like any other and says what else it allows; only a visitor's own
// press lets anything in.

import { element, fill, host, mark } from './parts.js';

const FIGURE =
  'display:grid;gap:.5em;place-content:center;justify-items:center;min-block-size:100%;padding:1em;border:1px solid var(--e);' +
  'border-radius:var(--r);background:var(--s);text-align:center';

export async function placeholder(loader, all, frame, once) {
  const { text, lang, dir, policy, options } = all;
  const { category, service, src } = frame.dataset;
  const declared = all.categories.find(({ name }) => name == category);
  const known = declared?.services.find(({ id }) => id == service);
  const address = new URL(src, document.baseURI).hostname;
  const name = known?.name ?? address;
  const title = frame.title || name;

  const button = (word, press) => {
    const made = element('button', { part: 'choice' }, word);
    made.onclick = event => event.isTrusted && press();
    return made;
  };
  const buttons = [button(text.embed_once, once)];
  const says = { service: known ? name : title, provider: known?.provider ?? address };
  const body = [element('p', {}, fill(text.embed, says) + ' ', element('a', { href: policy }, text.policy))];
  if (declared) {
    const alone = known && options?.switches;
    if (!alone) body.push(element('p', { class: 'q' }, `${text.embed_always}: ${declared.title}. ${declared.description}`));
    buttons.push(button(text.embed_always, () => allow(loader, all, category, alone && service)));
  }

  const row = element('div', { class: 'b' }, ...buttons);
  row.style.inlineSize = 'min(100%, 28em)';
  const figure = element(
    'figure',
    { lang, dir, role: 'group', 'aria-labelledby': 't', part: 'embed' },
    mark(loader),
    element('b', { id: 't' }, title),
    ...body,
    row,
  );
  figure.style = FIGURE;
  return host('kruimel-embed', loader, all, figure);
}

// Grants a category beside what is granted, or one service of it.
function allow(loader, { categories }, category, service) {
  const { acceptedCategory, getUserPreferences } = window.kruimel;
  const { services, session } = getUserPreferences() ?? {};
  const some = service && (services?.[category] ?? (acceptedCategory(category) ? undefined : []));
  const wanted = { ...services, [category]: some && [...some, service] };
  const set = categories.reduce((set, { name }, index) => set | ((name == category || acceptedCategory(name)) << index), 0);
  loader.call('decide', ['save', 'placeholder', set, { services: wanted, session }]);
}
