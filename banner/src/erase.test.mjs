import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abandoned, erase, removals } from './erase.js';

const page = { hostname: 'www.example.be', pathname: '/news/ferry' };
const declaration = [
  { name: 'necessary', services: [{ id: 'choice', cookies: [{ name: 'kruimel' }] }] },
  { name: 'analytics', services: [{ id: 'count', cookies: [{ name: '_ga' }, { name: '_pk*' }] }] },
  {
    name: 'advertising',
    services: [
      { id: 'reach', cookies: [{ name: '_gcl_au' }, { name: 'datr' }, { name: 'reach-*', storage: 'local' }] },
      { id: 'face', cookies: [{ name: 'datr' }, { name: 'seen', storage: 'local' }] },
    ],
  },
];

// What is granted, by `category` or `category/service`.
const allowed = granted => (category, service) => granted.includes(category) || granted.includes(category + '/' + service);

function removed(granted, cookies) {
  const names = new Set();
  erase(declaration, allowed(granted), cookies, page, cookie => names.add(cookie.split('=')[0]));
  return [...names];
}

test('a cookie is removed on every domain and path', () => {
  const all = removals('_ga', page.hostname, page.pathname);
  for (const domain of ['', '; Domain=www.example.be', '; Domain=example.be', '; Domain=be'])
    for (const path of ['/', '/news', '/news/', '/news/ferry', '/news/ferry/'])
      assert.ok(all.includes(`_ga=; Max-Age=0; Path=${path}${domain}`), path + domain);
});

test('only declared cookies of what is not granted are removed', () => {
  const cookies = 'kruimel=1; _ga=2; _ga_X=3; _pk_id=4; _gcl_au=5; session=6; seen=7; reach-1=8';
  assert.deepEqual(removed(['necessary'], cookies), ['_ga', '_pk_id', '_gcl_au']);
  assert.deepEqual(removed(['necessary', 'analytics'], cookies), ['_gcl_au']);
  assert.deepEqual(removed(['necessary'], ''), []);
});

test('a service that is granted alone keeps what is its own, also where another declares it too', () => {
  assert.deepEqual(removed(['necessary', 'analytics', 'advertising/face'], '_gcl_au=1; datr=2'), ['_gcl_au']);
});

test('a name is looked for only where it is declared to be kept', () => {
  const names = ['_ga', 'reach-1', 'seen', 'datr'];
  const gone = place => names.filter(abandoned(declaration, allowed(['necessary', 'advertising/face']), place));
  assert.deepEqual([gone('local'), gone('session'), gone('cookie')], [['reach-1'], [], ['_ga']]);
});
