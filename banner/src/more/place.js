// Puts a box where a frame is, in its size, so that nothing around it moves.
//
// In: a frame with a box of its own on the page, the element to stand for it. Out: the way back. Invariants: the frame
// stays in its place in the document, out of sight; the box is never larger than the frame was, whatever it says.

// What gives a box its place among others, whatever the page's rules say about frames.
const PLACING =
  /^(width|height|max-|min-[hw]|aspect|box-s|margin|padding|border|position|top|right|bottom|left|z-|float|clear|flex|order|align-s|justify-s|grid-[cr]|vertical|transform)/;

export function place(frame, box) {
  const { style } = frame;
  const shown = getComputedStyle(frame);
  const { width, height, display } = shown;
  const own = [style.display, style.getPropertyPriority('display')];
  style.setProperty('display', 'none', 'important');
  // Out of sight, a frame's style tells what was asked for, such as 100%, and not the pixels of the moment.
  for (const name of shown) if (PLACING.test(name)) box.style.setProperty(name, shown.getPropertyValue(name));
  box.style.display = display == 'inline' ? 'inline-block' : display;
  if (shown.width == 'auto') box.style.width = width;
  if (shown.height == 'auto' && shown.aspectRatio == 'auto') box.style.height = height;
  // What does not fit is scrolled to inside: nothing around a frame moves for the text that stands for it.
  box.style.overflow = 'auto';
  frame.before(box);

  return () => {
    const focused = box.getRootNode().activeElement == box;
    box.remove();
    style.setProperty('display', ...own);
    if (focused) frame.focus({ preventScroll: true });
  };
}
