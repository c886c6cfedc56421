// Runs before a page's own scripts, and keeps what the browser measures of the page: times in ms from the start of the
// navigation. It looks at the page once a frame, on pages with and without the banner alike.

(() => {
  if (top !== self) return;
  const seen = { shift: 0, blocking: 0, longest: 0, answered: false, press: 0, banner: null, largest: null, element: '', moved: [] };
  window.__seen = seen;

  const watch = (type, each) =>
    new PerformanceObserver(list => list.getEntries().forEach(each)).observe({
      type,
      buffered: true,
      durationThreshold: 16,
    });
  watch('paint', entry => (seen[entry.name] = entry.startTime));
  watch('longtask', ({ duration }) => {
    seen.blocking += Math.max(0, duration - 50);
    seen.longest = Math.max(seen.longest, duration);
  });
  watch('layout-shift', entry => {
    if (entry.hadRecentInput) return;
    seen.shift += entry.value;
    for (const { node, previousRect: from, currentRect: to } of entry.sources.slice(0, 5)) {
      const name = node ? `${node.nodeName}.${node.className || ''}` : 'gone';
      seen.moved.push(`${name} at ${Math.round(entry.startTime)}: ${[from, to].map(at => [at.x, at.y, at.width, at.height].map(Math.round)).join(' to ')}`);
    }
  });
  watch('largest-contentful-paint', ({ element, startTime }) => {
    seen.largest = startTime;
    seen.element = element ? [element.localName, ...element.classList].join('.') : 'none of the page';
  });
  watch('event', ({ interactionId, duration }) => {
    if (interactionId) seen.press = Math.max(seen.press, duration);
  });

  // The frame of an animation callback is on the screen when the next message arrives.
  const painted = then => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    requestAnimationFrame(() => port2.postMessage(0));
  };
  addEventListener('click', () => painted(() => (seen.answered = true)), true);

  const SETTLED_MS = 1000;
  let open = true;
  let complete;
  const look = () => {
    const notice = document.querySelector('kruimel-banner')?.shadowRoot?.querySelector('[part~=notice]');
    if (seen.banner === null && notice?.checkVisibility()) {
      seen.banner = 0;
      painted(now => (seen.banner = now));
    }
    if (document.readyState === 'complete') complete ??= performance.now();
    if (open) requestAnimationFrame(look);
  };
  look();

  // Once the page is complete, the banner there if one is expected, and both a second old.
  seen.settled = async expected => {
    const ready = () => complete && (seen.banner || !expected) && performance.now() - Math.max(complete, seen.banner) > SETTLED_MS;
    while (!ready()) await new Promise(requestAnimationFrame);
    open = false;
    const fetched = performance.getEntriesByType('resource').filter(
      ({ name, responseStatus }) => name.includes('/kruimel/') && responseStatus,
    );
    const body = fetched.reduce((sum, entry) => sum + entry.encodedBodySize, 0);
    return { ...seen, requests: fetched.length, body };
  };

  seen.pressed = async () => {
    while (!seen.answered) await new Promise(requestAnimationFrame);
    // The browser reports an event after the frame that answers it.
    await new Promise(done => setTimeout(done, SETTLED_MS));
    return seen.press;
  };
})();
