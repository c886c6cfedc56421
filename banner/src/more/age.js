// Asks whether the visitor is old enough for optional categories.
//
// In: the limit, the texts. Out: true, false, or undefined where nothing was answered (Escape). Invariants: the two answers
// look alike; only a visitor's own press answers; the answer is kept nowhere, so each grant asks again.

import { dialog, element, fill } from './parts.js';

let asking;

// A press while the question is open leads to nothing: the answer is for the first.
export const age = (...of) => (asking ? new Promise(() => {}) : (asking = ask(...of).finally(() => (asking = 0))));

async function ask(loader, limit, all) {
  const { text } = all;
  let says;
  const button = (word, answer) => {
    const made = element('button', { part: 'choice' }, word);
    made.onclick = event => {
      if (!event.isTrusted) return;
      says = answer;
      asked.close();
    };
    return made;
  };
  const buttons = [button(text.age_yes, true), button(text.age_no, false)];
  const asked = await dialog(loader, all, fill(text.age_ask, { age: limit }), [text.age_note], buttons);
  return new Promise(answer => asked.addEventListener('close', () => answer(says)));
}
