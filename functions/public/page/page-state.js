// What the page is doing, in one word for programs: `<body data-state>`. The sentence for people is in `[role=status]`.
//
// Pure. The views have finer states of their own (`data-state` of their stages); docs/clients.md describes the words.

const PUBLISH = { idle: "idle", opening: "connecting", connecting: "connecting", live: "live", reconnecting: "reconnecting", waiting: "waiting", ended: "ended", refused: "refused" };
const WATCH = { idle: "idle", joining: "connecting", playing: "live", paused: "waiting", reconnecting: "reconnecting", waiting: "waiting", ended: "ended", refused: "refused" };

/** The word for the document that shows *view*, when the two stages are in *publish* and *watch*. */
export function pageState(view, publish, watch) {
  return view === "watch" ? WATCH[watch] : PUBLISH[publish];
}
