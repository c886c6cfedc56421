import assert from 'node:assert/strict';
import { test } from 'node:test';
import { erase, removals } from './erase.js';

const page = { hostname: 'www.example.be', pathname: '/news/ferry' };
const declaration = [
  { name: 'necessary', services: [{ cookies: [{ name: 'kruimel' }] }] },
  { name: 'analytics', services: [{ cookies: [{ name: '_ga' }, { name: '_pk*' }] }] },
  { name: 'advertising', services: [{ cookies: [{ name: '_gcl_au' }] }] },
];

function removed(granted, cookies) {
  const names = new Set();
  erase(declaration, name => granted.includes(name), cookies, page, cookie => names.add(cookie.split('=')[0]));
  return [...names];
}

test('a cookie is removed on every domain and path', () => {
  const all = removals('_ga', page.hostname, page.pathname);
  for (const domain of ['', '; Domain=www.example.be', '; Domain=example.be', '; Domain=be'])
    for (const path of ['/', '/news', '/news/', '/news/ferry', '/news/ferry/'])
      assert.ok(all.includes(`_ga=; Max-Age=0; Path=${path}${domain}`), path + domain);
});

test('only declared cookies of what is not granted are removed', () => {
  const cookies = 'kruimel=1; _ga=2; _ga_X=3; _pk_id=4; _gcl_au=5; session=6';
  assert.deepEqual(removed(['necessary'], cookies), ['_ga', '_pk_id', '_gcl_au']);
  assert.deepEqual(removed(['necessary', 'analytics'], cookies), ['_gcl_au']);
  assert.deepEqual(removed(['necessary'], ''), []);
});
