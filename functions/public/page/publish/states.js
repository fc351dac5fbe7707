// The states of publishing, what makes one follow another while live, and how the view looks in each. Pure.
//
// idle -> opening (the source) -> connecting -> live -> (reconnecting -> live)* -> idle; `waiting` to try again by itself
// before it ever was live, `refused` until a person acts, `ended` with the source.

import { isGone } from "../webrtc/liveness.js";

/** @typedef {"idle" | "opening" | "connecting" | "live" | "reconnecting" | "waiting" | "refused" | "ended"} State */

/** @type {ReadonlySet<State>} */
const AT_REST = new Set(["idle", "refused", "ended"]);

/** @type {Partial<Record<State, string>>} */
const BADGES = { live: "Live", reconnecting: "Reconnecting" };

/** A connection over which nothing came for so long is given up, and another one is made. */
const GIVE_UP_MS = 8000;

/**
 * Whether nothing runs in *state*, so that the button begins.
 * @param {State} state
 */
export const isAtRest = (state) => AT_REST.has(state);

/**
 * Whether viewers see the stream in *state*, or saw it a moment ago.
 * @param {State} state
 */
export const isOnAir = (state) => state === "live" || state === "reconnecting";

/**
 * What a connection means for a publisher who was live: `lost` where it is given up, the state that follows, or null where
 * nothing changes. The browser itself says so late or never.
 * @param {State} state
 * @param {{silent: number, online: boolean, connected: boolean}} connection *silent*: milliseconds since anything arrived;
 *   *connected*: what the browser says of the connection
 * @returns {"lost" | "reconnecting" | "live" | null}
 */
export function afterSilence(state, { silent, online, connected }) {
  if (silent >= GIVE_UP_MS) {
    return "lost";
  }
  if (isGone(silent, online)) {
    return "reconnecting";
  }
  return state === "reconnecting" && connected ? "live" : null;
}

/**
 * What the view shows. *text*: its own sentence (null: it has none); *stage*: what the preview's frame shows; *badge*: the
 * word on it; *button*: what the button does; *keyLocked*: whether the key cannot be changed; *busy*: whether something runs.
 * @typedef {{text: string | null, stage: State, badge: string, button: string, busy: boolean, keyLocked: boolean, onAir: boolean}} Appearance
 */

/**
 * How the view looks in *state*.
 * @param {State} state
 * @param {{hasSource: boolean, online: boolean}} situation *online*: the browser's opinion of its network
 * @returns {Appearance}
 */
export function appearance(state, { hasSource, online }) {
  const busy = !isAtRest(state);
  const onAir = isOnAir(state);
  return {
    text: sentence(state, { hasSource, online }),
    stage: busy && state !== "waiting" ? state : "idle",
    badge: BADGES[state] ?? (busy ? "…" : "Off"),
    button: onAir ? "Stop publishing" : busy ? "Cancel" : "Go live",
    busy,
    keyLocked: busy && state !== "waiting",
    onAir,
  };
}

/**
 * @param {State} state
 * @param {{hasSource: boolean, online: boolean}} situation
 */
function sentence(state, { hasSource, online }) {
  switch (state) {
    case "idle":
      return hasSource ? "Preview only. You are not live." : "You are not live.";
    case "opening":
      return "Waiting for the source…";
    case "connecting":
      return "Connecting…";
    case "live":
      return "You are live.";
    case "reconnecting":
      return online
        ? "The connection was lost. Reconnecting…"
        : "You are offline. Reconnecting when your network is back…";
    default:
      return null;
  }
}
