// A worker that says when to draw the next frame: timers of a hidden page are slowed to one a second, those of a worker are not.
//
// It is sent the milliseconds between two frames (0 stops it), and answers with an empty message for each.

/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

addEventListener("message", ({ data }) => {
  clearInterval(timer);
  timer = data > 0 ? setInterval(() => postMessage(null), data) : undefined;
});
