// Why no picture comes, and on whose side: the viewer's network, or the streamer. Pure.

/** No picture for so long is a pause: a node says within 1.5 s that its publisher fell silent, so who is to blame is known. */
export const PAUSED_MS = 1800;
/** Loss and round trip above which a connection is called slow, in so many readings in a row. */
const LOSSY_PERCENT = 5;
const LATE_MS = 700;
const READINGS = 3;

const OFFLINE = "You are offline. The stream goes on when your network is back.";
const UNREACHED = "Your network does not reach the server. Reconnecting…";

/**
 * What is known when the picture stops. *online*: the browser's opinion of its network. *arriving*: packets still come.
 * *publisher*: the node's last word of it (null where it says nothing). *live*: the API's (null where it was not asked).
 * *reached*: whether the last request got an answer (null: none was made).
 * @typedef {{online: boolean, arriving: boolean, publisher: "active" | "inactive" | null, live: boolean | null, reached: boolean | null}} Evidence
 */

/**
 * The state of the player, and the sentence for its viewer, when the picture stopped.
 * @param {Evidence} evidence
 * @returns {{state: "ended" | "reconnecting" | "paused", text: string}}
 */
export function interruption({ online, arriving, publisher, live, reached }) {
  if (live === false) {
    return { state: "ended", text: "The stream has ended. Waiting for the streamer…" };
  }
  if (!online && !arriving) {
    return { state: "reconnecting", text: OFFLINE };
  }
  if (reached === false) {
    return { state: "reconnecting", text: UNREACHED };
  }
  if (publisher === "inactive") {
    return { state: "paused", text: "The streamer's connection is interrupted. Waiting for the picture…" };
  }
  if (publisher === "active" && !arriving) {
    return { state: "reconnecting", text: "Your connection is interrupted: nothing arrives here. Reconnecting…" };
  }
  return { state: "paused", text: "The picture has paused. Waiting for it…" };
}

/**
 * What a viewer is told who cannot reach the server, by the browser's opinion of its network.
 * @param {boolean} online
 */
export const unreached = (online) => (online ? UNREACHED : OFFLINE);

/** Counts readings in a row of a connection that cannot keep up. */
export class SlowConnection {
  #bad = 0;

  /**
   * What to say after this reading; nothing while the connection is well.
   * @param {{lossPercent: number, rtt: number | null}} reading *rtt* in milliseconds
   */
  read({ lossPercent, rtt }) {
    const late = rtt !== null && rtt >= LATE_MS;
    const lossy = lossPercent >= LOSSY_PERCENT;
    this.#bad = late || lossy ? this.#bad + 1 : 0;
    if (this.#bad < READINGS) {
      return "";
    }
    return lossy
      ? `Your connection is slow: ${Math.round(lossPercent)} % of the packets do not arrive.`
      : `Your connection is slow: an answer takes ${((rtt ?? 0) / 1000).toFixed(1)} s.`;
  }
}
