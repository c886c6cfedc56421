// `node --test src/`, run by `cargo test` in this folder.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { follow, services, set } from './switches.js';

const input = (name, value = '') => ({ name, value, checked: false, indeterminate: false });

// A category without services, one with two, one with three.
const inputs = () => [
  input('necessary'),
  input('functional'),
  input('functional', 'maps'),
  input('functional', 'video'),
  input('analytics'),
  input('analytics', 'own'),
  input('analytics', 'survey'),
  input('analytics', 'heat'),
];

const shown = all => all.map(one => (one.indeterminate ? 'half' : one.checked ? 'on' : 'off')).join(' ');

function move(all, index) {
  all[index].checked = !all[index].checked;
  all[index].indeterminate = false;
  follow(all, all[index]);
}

test('what is granted is shown, in part or whole', () => {
  const all = inputs();
  set(all, (name, service) => name != 'functional' && (name == 'necessary' || service != 'heat'));
  assert.equal(shown(all), 'on off off off half on on off');
  assert.deepEqual(services(all), { analytics: ['own', 'survey'] });
});

test('a category moves its services, and they move it', () => {
  const all = inputs();
  set(all, name => name == 'necessary');
  assert.equal(shown(all), 'on off off off off off off off');
  move(all, 1);
  assert.equal(shown(all), 'on on on on off off off off');
  assert.deepEqual(services(all), {});
  move(all, 2);
  assert.equal(shown(all), 'on half off on off off off off');
  assert.deepEqual(services(all), { functional: ['video'] });
  move(all, 3);
  assert.equal(shown(all), 'on off off off off off off off');
  move(all, 7);
  assert.equal(shown(all), 'on off off off half off off on');
  move(all, 4);
  assert.equal(shown(all), 'on off off off off off off off');
  assert.deepEqual(services(all), {});
});

test('a category without services moves alone', () => {
  const all = [input('necessary'), input('functional'), input('analytics')];
  set(all, name => name == 'necessary');
  move(all, 2);
  assert.equal(shown(all), 'on off on');
});
