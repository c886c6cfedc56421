// Shows the visitor what could not be removed when something was taken back.
//
// In: what stays, `[{ name, provider }]`. Out: a dialog, which goes when it is closed.

import { dialog, element } from './parts.js';

export async function showLeft(loader, left) {
  const all = await loader.text();
  const { text } = all;
  const close = element('button', {}, text.left_close);
  const rows = left.map(({ name, provider }) => element('li', {}, element('bdi', {}, name), ` (${provider})`));
  const body = [element('p', {}, text.left_text), element('ul', {}, ...rows)];
  const shown = await dialog(loader, all, text.left_title, body, [close]);
  close.onclick = () => shown.close();
}
