import assert from 'node:assert/strict';
import { test } from 'node:test';
import { granting, partial, shared } from './services.js';

const declaration = [
  { name: 'necessary', services: [{ id: 'choice' }] },
  { name: 'functional', services: [{ id: 'film' }, { id: 'map' }] },
  { name: 'analytics', services: [{ id: 'count' }] },
  { name: 'community', services: [] },
];

test('services are named only of a category that is granted in part', () => {
  const check = (chosen, wanted, categories, services) =>
    assert.deepEqual(partial(declaration, chosen, wanted), { categories, services });
  const three = ['necessary', 'functional', 'analytics'];
  check(0b0111, { functional: ['map'] }, three, { functional: ['map'] });
  check(0b0111, { functional: ['map', 'film'] }, three, {});
  check(0b0111, { functional: ['map'], analytics: ['count'] }, three, { functional: ['map'] });
  check(0b1111, undefined, [...three, 'community'], {});
  check(-1, undefined, [...three, 'community'], {});
});

test('a category of which nothing is granted is not granted', () => {
  const check = (chosen, wanted, categories) =>
    assert.deepEqual(partial(declaration, chosen, wanted), { categories, services: {} });
  check(0b0011, { functional: [] }, ['necessary']);
  check(0b0011, { functional: ['unknown'] }, ['necessary']);
  check(0b0001, { functional: ['map'] }, ['necessary']);
  check(0b0000, { necessary: [] }, ['necessary']);
});

test('what a choice grants is told by category and service', () => {
  const check = (choice, expected) => assert.deepEqual(granting(declaration, choice), expected);
  check(undefined, []);
  check({ categories: ['necessary'] }, []);
  check({ categories: ['necessary', 'analytics', 'community'] }, ['analytics', 'analytics/count', 'community']);
  check({ categories: ['necessary', 'functional'], services: { functional: ['map'] } }, ['functional', 'functional/map']);
});

test('what two choices share is part of both, and what is more or less is told', () => {
  const choice = (categories, services = {}) => ({ categories: ['necessary', ...categories], services });
  const check = (before, after, expected, more, less) => {
    const found = shared(declaration, before, after);
    assert.deepEqual(partial(declaration, found.chosen, found.services), expected);
    assert.deepEqual([found.more, found.less], [more, less]);
  };
  const all = choice(['functional', 'analytics', 'community']);
  check(undefined, all, choice([]), true, false);
  check(all, all, all, false, false);
  check(all, choice(['functional']), choice(['functional']), false, true);
  const [map, film] = ['map', 'film'].map(id => choice(['functional'], { functional: [id] }));
  check(all, map, map, false, true);
  check(map, all, map, true, false);
  check(map, film, choice([]), true, true);
  check(choice(['functional', 'community']), choice(['analytics', 'community']), choice(['community']), true, true);
});
