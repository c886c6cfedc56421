// What the module has done here: one call adds an element with its attributes, and a text goes into it without a copy in
// the module. Through web-sys each would be several calls, and copies.

export const page = {
  // The style of the mark, and what becomes of a decision.
  mark: '',
  decide() {},
};

// A child, written as its tag and its attributes: `tag name=value name=value`, or a name alone for a switch.
export function add(parent, written, text = '') {
  const [tag, ...attributes] = written.split(' ');
  const element = parent.appendChild(document.createElement(tag));
  for (const attribute of attributes) element.setAttribute(...(attribute + '=').split('='));
  element.append(text);
  return element;
}
export const add_text = add;
export const say = (parent, written, record, name) => void add(parent, written, record[name]);
// A browser counts a block of text as one paint, and on a small screen the banner's would often be the largest of the page.
// A word that is positioned counts for itself.
export const write = (element, text) => text.split(' ').forEach(word => add(element, 'span', word + ' '));
// A strict policy forbids the attribute, not the property.
export const add_mark = parent => (add(parent, 'i').style = page.mark);
export const set = (element, name, value) => element.setAttribute(name, value);

export const decided = (action, surface, chosen) => page.decide(action, surface, chosen);
