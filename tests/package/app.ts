// An application of an owner who uses a bundler: `tsc` checks it, esbuild bundles it, a browser runs it.

import { accepted, kruimel, load, on, subscribe } from 'kruimel-banner';
import type { Choice } from 'kruimel-banner';

declare global {
  interface Window {
    app: typeof app;
  }
}

const app = {
  heard: [] as string[],
  analytics: [] as boolean[],
  choice: undefined as Choice | undefined,
  load,
  kruimel,
};
window.app = app;

subscribe(() => app.analytics.push(accepted('analytics')));
on('onFirstConsent', ({ cookie }) => app.heard.push('first ' + cookie.categories));
on('onConsent', ({ cookie }) => (app.choice = cookie));
const end = on('onChange', ({ changedCategories, left }) => {
  for (const { name, where } of left ?? []) app.heard.push(`left ${name} ${where}`);
  app.heard.push('changed ' + changedCategories);
  end();
});
on('onModalShow', ({ modalName }) => app.heard.push(modalName));
window.addEventListener('kruimel:onChange', event => event.detail.cookie?.categories);
window.addEventListener('cc:onConsent', event => event.detail.cookie.consentId);

// What the types refuse.
if (location.hash === '#never') {
  // @ts-expect-error There is no such event.
  on('onEverything', () => {});
  // @ts-expect-error A category is named.
  kruimel()?.acceptCategory(1);
  // @ts-expect-error The script may be blocked.
  kruimel().show();
  // @ts-expect-error It may be missing on the window too.
  window.kruimel.show();
  // @ts-expect-error Without its address there is nothing to load.
  void load({});
}
