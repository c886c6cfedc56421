import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earlier } from './earlier.js';

const LATER = Date.now() + 30 * 864e5;
const day = time => new Date(time).toISOString().slice(0, 10);

// What is read from a device that holds these.
const read = (held, necessary = []) =>
  earlier(async name => held[name] && { end: held.end, text: held[name] }, necessary, 182);

test('a refusal of each tool is taken over with the end that is known', async () => {
  const cookieconsent = JSON.stringify({ categories: ['necessary'], expirationTime: LATER });
  assert.deepEqual(await read({ cc_cookie: cookieconsent }), { until: day(LATER) });
  assert.deepEqual(await read({ cc_cookie: '{"categories":[]}' }), {});
  assert.deepEqual(await read({ klaro: '{"matomo":false,"youtube":false}' }), {});
  assert.deepEqual(await read({ klaro: '{"csrf":true,"youtube":false}' }, ['csrf']), {});
  assert.deepEqual(await read({ tarteaucitron: '!gtag=false!youtube=false' }), {});
  const citizenlab = '{"analytics":false,"advertising":false,"functional":true,"savedChoices":{"matomo":false}}';
  assert.deepEqual(await read({ cl2_consent: citizenlab }), { until: day(Date.now() + 60 * 864e5) });
});

test('the end that the browser tells goes before a term', async () => {
  assert.deepEqual(await read({ tarteaucitron: '!gtag=false', end: LATER }), { until: day(LATER) });
  const citizenlab = '{"analytics":false,"advertising":false}';
  assert.deepEqual(await read({ cl2_consent: citizenlab, end: LATER }), { until: day(LATER) });
});

test('no end is later than that of a refusal made here', async () => {
  const held = { tarteaucitron: '!gtag=false', end: Date.now() + 365 * 864e5 };
  assert.deepEqual(await read(held), { until: day(Date.now() + 182 * 864e5) });
});

test('a grant, in whichever tool, is asked about again', async () => {
  for (const held of [
    { cc_cookie: '{"categories":["necessary","analytics"]}' },
    { klaro: '{"csrf":true,"youtube":false}' },
    { tarteaucitron: '!gtag=false!youtube=true' },
    { cl2_consent: '{"analytics":true,"advertising":false}' },
    { klaro: '{"matomo":false}', tarteaucitron: '!youtube=true' },
  ])
    assert.equal(await read(held), undefined, JSON.stringify(held));
});

test('nothing, something unfinished, broken or run out is no refusal', async () => {
  for (const held of [
    {},
    { cc_cookie: JSON.stringify({ categories: ['necessary'], expirationTime: Date.now() - 1 }) },
    { cc_cookie: '{"categories":"necessary"}' },
    { cc_cookie: '{"categories":["necessary"],"expirationTime":"soon"}' },
    { cc_cookie: 'null' },
    { klaro: '{}' },
    { klaro: '{"youtube":"no"}' },
    { klaro: '[' },
    { tarteaucitron: '!gtag=false!youtube=wait' },
    { tarteaucitron: 'true' },
    { cl2_consent: '{"analytics":false}' },
    { cl2_consent: '{"savedChoices":{}}' },
    { cl2_consent: '"%"' },
  ])
    assert.equal(await read(held), undefined, JSON.stringify(held));
  const broken = () => Promise.reject(new Error('no storage'));
  assert.equal(await earlier(broken, [], 182), undefined);
});
