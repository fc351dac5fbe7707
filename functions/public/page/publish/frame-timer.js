// A worker that ticks: timers of a hidden page are slowed to one a second, those of a worker are not.

let timer = null;

addEventListener("message", ({ data }) => {
  clearInterval(timer);
  timer = data > 0 ? setInterval(() => postMessage(null), data) : null;
});
