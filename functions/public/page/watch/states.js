// The states of watching, and the sentence of each. Pure.

/** @typedef {"idle" | "joining" | "playing" | "paused" | "reconnecting" | "waiting" | "ended" | "refused"} State */

/** @type {Readonly<Record<State, string>>} */
const SENTENCES = {
  idle: "Nothing is playing.",
  joining: "Joining the stream…",
  playing: "Playing.",
  paused: "The picture has paused. Waiting for it…",
  reconnecting: "The connection was lost. Reconnecting…",
  ended: "The stream has ended. Waiting for the streamer…",
  waiting: "Waiting for the streamer…",
  refused: "The stream cannot be played.",
};

/**
 * What a viewer is told in *state*, unless there is more to say.
 * @param {State} state
 */
export const sentence = (state) => SENTENCES[state];
