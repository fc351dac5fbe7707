// What the page is doing, in one word for programs: `<body data-state>`. The sentence for people is in `[role=status]`.
//
// Pure. The views have finer states of their own (`data-state` of their stages); docs/clients.md describes the words.

/** @type {Record<import("./publish/states.js").State, string>} */
const PUBLISH = {
  idle: "idle",
  opening: "connecting",
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  waiting: "waiting",
  ended: "ended",
  refused: "refused",
};
/** @type {Record<import("./watch/states.js").State, string>} */
const WATCH = {
  idle: "idle",
  joining: "connecting",
  playing: "live",
  paused: "waiting",
  reconnecting: "reconnecting",
  waiting: "waiting",
  ended: "ended",
  refused: "refused",
};

/**
 * The word for the document that shows *view*, when the two stages are in *publish* and *watch*.
 * @param {string} view
 * @param {import("./publish/states.js").State} publish
 * @param {import("./watch/states.js").State} watch
 */
export function pageState(view, publish, watch) {
  return view === "watch" ? WATCH[watch] : PUBLISH[publish];
}
