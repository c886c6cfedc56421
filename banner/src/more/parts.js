// What the ideas of this script share: elements, texts with places to fill, and the style of a root.
//
// Invariants: a text becomes a text node or an attribute, never markup; what fills a place is never read as a pattern.

// An element, its attributes, and what it holds.
export function element(tag, attributes = {}, ...held) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...held);
  return made;
}

// The biscuit.
export function mark(loader) {
  const made = element('i');
  made.style = loader.mark;
  return made;
}

export const fill = (text, values) => text.replace(/{(\w+)}/g, (place, name) => values[name] ?? place);

// The banner's style sheet.
const address = ({ base }, { css }) => base + 'a/' + css;
export const link = (loader, text) => element('link', { rel: 'stylesheet', href: address(loader, text) });

let sheet;

// A custom element with a root of its own, out of reach of the page's style, in the banner's style and the owner's colours.
// A style sheet that a script cannot make is linked.
export async function host(name, loader, text, held) {
  const made = element(name);
  const root = made.attachShadow({ mode: 'open' });
  const { theme } = text.options ?? {};
  for (const token in theme) made.style.setProperty(token, theme[token]);
  try {
    sheet ??= fetch(address(loader, text))
      .then(answer => answer.text())
      .then(style => new CSSStyleSheet().replace(style));
    root.adoptedStyleSheets = [await sheet];
  } catch {
    root.append(link(loader, text));
  }
  root.append(held);
  return made;
}

// A modal dialog: a heading, what it says, a row of buttons. It takes the focus itself, so that no answer has it, and goes
// when it is closed.
export async function dialog(loader, all, title, body, buttons) {
  const { lang, dir } = all;
  const made = element(
    'dialog',
    { lang, dir, tabindex: -1, 'aria-labelledby': 'm', part: 'message' },
    element('div', { class: 'h' }, mark(loader), element('h2', { id: 'm' }, title)),
    element('div', {}, ...body),
    element('div', { class: 'b' }, ...buttons),
  );
  const message = await host('kruimel-message', loader, all, made);
  made.onclose = () => message.remove();
  document.documentElement.append(message);
  made.showModal();
  made.focus();
  return made;
}
