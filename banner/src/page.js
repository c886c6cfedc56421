// What the module asks of the page. It knows each value by its place in a list, a number: a table of the module's own for
// them costs more bytes than all it draws.

export const page = {
  // The root and the texts; then whatever the module was given while it draws. Emptied by whoever has it draw.
  values: [],
  // The style of the mark, and what becomes of a decision.
  mark: '',
  decide() {},
};
const keep = value => page.values.push(value) - 1;
const the = place => page.values[place];

// A child, written as its tag and its attributes: `tag name=value name=value`, or a name alone for a switch.
function child(parent, written, text = '') {
  const [tag, ...attributes] = written.split(' ');
  const element = the(parent).appendChild(document.createElement(tag));
  for (const attribute of attributes) element.setAttribute(...(attribute + '=').split('='));
  element.append(text);
  return keep(element);
}
export const add = (parent, written) => child(parent, written);
export const add_text = (parent, written, text) => child(parent, written, the(text));
export const say = (parent, written, record, name) => child(parent, written, the(record)[name]);
// A browser counts a block of text as one paint, and on a small screen the banner's would often be the largest of the page.
// A word that is positioned counts for itself.
export const write = (element, text) => the(text).split(' ').forEach(word => child(element, 'span', word + ' '));
// A strict policy forbids the attribute, not the property.
export const add_mark = parent => (the(child(parent, 'i')).style = page.mark);
export const set = (element, name, value) => the(element).setAttribute(name, the(value));

export const get = (record, name) => keep(the(record)[name]);
export const get_by = (record, name) => keep(the(record)[the(name)]);
export const at = (list, index) => keep(the(list)[index]);
export const length = list => the(list).length;
export const has = (record, name) => name in the(record);
// The text whose name ends in this value, or else the other.
export const variant = (record, name, value, other) => keep(the(record)[name + the(value)] ?? the(record)[other]);
export const text = text => keep(text);
// What fills a place is never read as a pattern.
export const fill = (text, place, value) => keep(the(text).split(place).join(the(value)));

export const decided = (action, surface, chosen) => page.decide(action, surface, chosen);
