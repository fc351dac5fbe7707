// Why no picture comes, and on whose side: the viewer's network, or the streamer. Pure.

/** No picture for so long is a pause: a node says within 1.5 s that its publisher fell silent, so who is to blame is known. */
export const PAUSED_MS = 1800;
/** Loss and round trip above which a connection is called slow, in so many readings in a row. */
const LOSSY_PERCENT = 5;
const LATE_MS = 700;
const READINGS = 3;

/**
 * `{state, text}` of a picture that stopped. *arriving*: packets still come. *told*: the node's last word of the stream
 * (`active`, `inactive`, or null where it says nothing). *live*: the API's (true, false; null where it was not asked). *reached*:
 * whether the last request got an answer (null: none was made). *online*: the browser's opinion of its network.
 */
export function blame({ online, arriving, told, live, reached }) {
  if (live === false) {
    return { state: "ended", text: "The stream has ended. Waiting for the streamer…" };
  }
  if (!online && !arriving) {
    return { state: "reconnecting", text: "You are offline. The stream goes on when your network is back." };
  }
  if (reached === false) {
    return { state: "reconnecting", text: "Your network does not reach the server. Reconnecting…" };
  }
  if (told === "inactive") {
    return { state: "paused", text: "The streamer's connection is interrupted. Waiting for the picture…" };
  }
  if (told === "active" && !arriving) {
    return { state: "reconnecting", text: "Your connection is interrupted: nothing arrives here. Reconnecting…" };
  }
  return { state: "paused", text: "The picture has paused. Waiting for it…" };
}

/** Counts readings of a connection that cannot keep up. */
export class Slowness {
  #bad = 0;

  /** What to say after this reading (`lossPercent`, `rtt` in ms or null); nothing while it is well. */
  read({ lossPercent, rtt }) {
    const late = rtt !== null && rtt >= LATE_MS;
    const lossy = lossPercent >= LOSSY_PERCENT;
    this.#bad = late || lossy ? this.#bad + 1 : 0;
    if (this.#bad < READINGS) {
      return "";
    }
    return lossy
      ? `Your connection is slow: ${Math.round(lossPercent)} % of the packets do not arrive.`
      : `Your connection is slow: an answer takes ${(rtt / 1000).toFixed(1)} s.`;
  }
}
