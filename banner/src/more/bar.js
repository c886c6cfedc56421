// The banner without its module: a first layer whose answers are forms to the visitor's page.
//
// In: the texts; the root, which banner.js has styled where it could. Out: a region with the same words and the same two answers.
// Invariants: accept and refuse are alike; what a script submits, or a finger before the visitor could read, grants
// nothing; where age must be asked there is no accept, but a way to the page.

import { element, fill, link, mark } from './parts.js';

// A press that grants is ignored for this long after the bar appeared: it was meant for what was there before.
const GUARD_MS = 500;

export async function bar(loader) {
  const all = await loader.text();
  const { text, lang, dir, policy, position } = all;
  const { config, base, root } = loader;
  if (root.querySelector('section')) return;
  if (!root.adoptedStyleSheets?.length && !root.querySelector('link')) root.append(link(loader, all));

  const fields = { form: 'bar', site: config.site, revision: config.revision, text: all.hash, language: lang, back: location.pathname + location.search };
  const hidden = Object.entries(fields).map(([name, value]) => element('input', { type: 'hidden', name, value }));
  const answers = element('form', { id: 'f', method: 'post', action: base + 'privacy', hidden: '' }, ...hidden);
  const site = element('input', { type: 'hidden', name: 'site', value: config.site });
  const page = element('form', { id: 'g', action: base + 'privacy', hidden: '' }, site);
  const answer = action => element('button', { form: 'f', name: 'choice', value: action, part: 'choice' }, text[action]);
  const shown = Date.now();
  const accept = answer('accept');
  let pressed;
  accept.onclick = event => (pressed = event.isTrusted && Date.now() - shown > GUARD_MS);
  answers.onsubmit = event => {
    if (event.submitter?.value != 'refuse' && !pressed) event.preventDefault();
  };
  const buttons = [answer('refuse'), element('button', { form: 'g', class: 'o', part: 'more' }, text.choose)];
  if (!all.options?.age) buttons.unshift(accept);

  root.append(
    element(
      'section',
      { lang, dir, class: position, 'aria-labelledby': 'h', part: 'notice' },
      element(
        'div',
        { tabindex: 0 },
        element('h2', { id: 'h' }, mark(loader), text.title),
        element('p', {}, ask(all), element('a', { href: policy }, text.policy)),
      ),
      element('div', { class: 'b' }, ...buttons),
      answers,
      page,
    ),
  );
}

// The sentence of the first layer: who asks, what for, who else takes part.
function ask({ text, controller, parties, categories }) {
  const purposes = categories
    .slice(1)
    .map(({ name, title }) => fill(text['purpose_' + name] ?? text.purpose_other, { title }));
  const last = purposes.pop();
  const list = purposes.length ? text.and.replace('{0}', () => purposes.join(text.list.replace(/{0?}/g, ''))).replace('{}', () => last) : last;
  const others = fill(text['parties_' + parties] ?? text.parties_many, { parties });
  return fill(text.ask, { controller, purposes: list, others });
}
