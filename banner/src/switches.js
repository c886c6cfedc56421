// The switches of the preferences: a category's own and those of its services follow one another.
//
// In: the inputs of the preferences, the category's own before those of its services; what is granted. Out: their states,
// and what is switched on. Invariants: a switch of one category moves none of another; what is shown is what is saved.

// The switch of a category, and those of its services.
const group = (inputs, name) => inputs.filter(input => input.name == name);

// The category is on with any of its services, and half on with some.
function reflect([whole, ...parts]) {
  const on = parts.filter(part => part.checked).length;
  if (parts.length) whole.checked = on;
  whole.indeterminate = on && on < parts.length;
}

// Sets all of them to what is granted; a category's own has no value.
export function set(inputs, granted) {
  for (const input of inputs) input.checked = granted(input.name, input.value);
  for (const { name } of inputs) reflect(group(inputs, name));
}

// One of them was moved.
export function follow(inputs, moved) {
  const all = group(inputs, moved.name);
  if (moved == all[0]) for (const part of all) part.checked = moved.checked;
  reflect(all);
}

// The services of every category that is half on.
export function services(inputs) {
  const chosen = {};
  for (const { name, value, checked } of inputs)
    if (value && checked && group(inputs, name)[0].indeterminate) (chosen[name] ||= []).push(value);
  return chosen;
}
