// What is seldom needed in a page, in one script: placeholders, what a withdrawal removes and leaves, the question of age,
// refusals made elsewhere, and a bar where the banner's module cannot run. Plain JavaScript.
//
// What the loader hands over on `document.currentScript.kruimel` is described at the top of loader.js; it calls these
// functions through `loader.more(name, …)`.

import { age } from './age.js';
import { bar } from './bar.js';
import { earlier, forget, kept } from './earlier.js';
import { frames } from './frames.js';
import { resume, withdraw } from './withdraw.js';

const loader = document.currentScript.kruimel;

loader.ready({
  frames: () => frames(loader),
  withdraw: (before, again) => withdraw(loader, before, again),
  resume: choice => resume(loader, choice),
  age: (limit, text) => age(loader, limit, text),
  async earlier() {
    const { categories } = await loader.text();
    const found = await earlier(kept, categories[0].services.map(({ id }) => id), loader.config.days);
    if (found) forget();
    return found;
  },
  bar: () => bar(loader),
});
