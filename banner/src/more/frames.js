// Keeps a placeholder before each gated frame that is not allowed, for as long as it is not.
//
// In: frames with `data-category` and `data-src`, those too that a page adds later; what is granted. Out: placeholders.
// Invariants: a frame that was not made to be seen gets none; nothing is kept of "once". A frame that is taken back goes
// with the page, which is loaded again.

import { age } from './age.js';
import { place } from './place.js';
import { placeholder } from './placeholder.js';

const GATED = 'iframe[data-category][data-src]';
// A frame smaller than this, in pixels, was not made to be seen.
const SEEN_MIN = 2;

export async function frames(loader) {
  const text = await loader.text();
  const { acceptedCategory } = window.kruimel;
  const placed = new Map();
  // Those whose box is on its way, and those shown once.
  const made = new WeakSet();
  const once = new WeakSet();
  const allowed = frame => once.has(frame) || acceptedCategory(frame.dataset.category, frame.dataset.service ?? '');

  function look() {
    for (const frame of document.querySelectorAll(GATED)) {
      // Those for whoever refused are the loader's alone.
      if (frame.dataset.category[0] == '!' || allowed(frame)) continue;
      sizes.observe(frame);
      if (!placed.has(frame) && !made.has(frame) && isSeen(frame)) stand(frame).catch(() => {});
    }
    for (const [frame, { box, open }] of placed) {
      if (allowed(frame) || !frame.isConnected) {
        placed.delete(frame);
        open();
      } else if (box.nextSibling != frame) frame.before(box);
    }
  }

  async function stand(frame) {
    made.add(frame);
    const box = await placeholder(loader, text, frame, () => show(frame));
    made.delete(frame);
    if (frame.isConnected && !allowed(frame) && isSeen(frame)) placed.set(frame, { box, open: place(frame, box) });
  }

  async function show(frame) {
    const limit = text.options?.age;
    if (limit && !(await age(loader, limit, text))) return;
    once.add(frame);
    frame.kruimel = 1;
    frame.src = frame.dataset.src;
  }

  // One that has no size yet may get it later.
  const sizes = new ResizeObserver(look);
  // The loader lets a frame in by its `src`.
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ['src'] });
  addEventListener('kruimel:onChange', look);
  look();
}

const isSeen = frame =>
  Math.min(frame.offsetWidth, frame.offsetHeight) >= SEEN_MIN && getComputedStyle(frame).visibility == 'visible';
