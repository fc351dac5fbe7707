// What each refusal means to a person, and which ways on there are: the contract's recommended fallbacks.
//
// `explain` is pure: refusal in; title, text, names of actions and whether to go on without asking out. The views give
// the actions their effect.

import { count } from "./format.js";

/**
 * A refusal as `explain` reads it: an `http.js` Refusal, or what a test makes of one.
 * @typedef {{code: string, status?: number, message?: string, fields?: Record<string, any>, retryAfter?: number | null}} Refused
 */

/**
 * What a person can do next; the views give these names their effect.
 * @typedef {"anonymous" | "another-key" | "change-stream" | "codec" | "dismiss" | "edit-key" | "edit-token" | "forget" | "override" | "retry" | "stop"} Action
 */

/** @typedef {"publish" | "watch" | "account"} Place where on the page something was refused */
/** @typedef {Required<Refused>} Told */
/** @typedef {string | ((refusal: Told) => string)} Words */

/**
 * What one code means. *auto*: the page tries again by itself; *holds*: not earlier than the server says; *atLeast*: seconds
 * until it does, where the server names none.
 * @typedef {{title: Words, text: Words, actions: Action[], auto?: boolean, holds?: boolean, atLeast?: number}} Meaning
 */

/** @param {Told} refusal */
const limited = ({ fields }) =>
  `Your account may publish ${count(fields.limit, "stream")} at a time, and ${fields.current === 1 ? "one is" : `${fields.current} are`} live now. Retry with free servers?`;

/** @param {number} limit */
const places = (limit) =>
  limit > 1 ? `All ${limit} places for viewers are taken.` : limit === 1 ? "The only place is taken." : "This stream has no places for viewers.";

/** @param {Told} refusal */
const overridable = ({ fields, retryAfter }) =>
  `Somebody is publishing with it${fields.server ? ` on ${fields.server}` : ""} right now. Override them, or use a different key?${
    retryAfter ? " It changed hands a moment ago, so overriding has to wait a little." : ""
  }`;

/** @type {Meaning} */
const TAKEN_OVER = {
  title: "Your stream was taken over",
  text: ({ fields }) =>
    `Another publisher has overridden this one${fields.server ? ` on ${fields.server}` : ""}. Viewers see theirs now. Override them, or use a different key?`,
  actions: ["override", "another-key"],
};

/** @type {Record<string, Meaning>} */
const PUBLISH = {
  INVALID_KEY: {
    title: "Invalid stream key",
    text: "This server does not know that key. Check it on your dashboard; trying the same key again will not help.",
    actions: ["edit-key"],
  },
  STREAM_LIMIT_REACHED: {
    title: "Your account limit was reached",
    text: limited,
    actions: ["anonymous", "retry", "dismiss"],
  },
  BANDWIDTH_EXCEEDED: {
    title: "Your account limit was reached",
    text: ({ fields }) =>
      `Your account has used ${fields.percentage_used} % of this month's bandwidth. Retry with free servers?`,
    actions: ["anonymous", "dismiss"],
  },
  KEY_ALREADY_IN_USE: {
    title: "This key is active elsewhere",
    text: overridable,
    actions: ["override", "another-key"],
  },
  QUOTA_EXCEEDED: {
    title: "The free bandwidth is used up",
    text: "Anonymous publishing has a monthly allowance, and this key's is spent. Use a key of an account, or wait for the next month.",
    actions: ["another-key"],
  },
  UNSUPPORTED_OFFER: {
    title: "The server cannot take this format",
    text: ({ message }) => `${message} Another codec may work.`,
    actions: ["codec", "retry"],
  },
};

/** @type {Record<string, Meaning>} */
const WATCH = {
  STREAM_NOT_FOUND: {
    title: "There is no such stream",
    text: "No stream has this id. Check the link with the streamer.",
    actions: ["change-stream"],
  },
  STREAM_OFFLINE: {
    title: "The stream is offline",
    text: "Nobody is publishing it now. This page keeps looking and starts by itself.",
    actions: ["retry"],
    auto: true,
  },
  VIEWER_LIMIT_REACHED: {
    title: "The stream is full",
    text: ({ fields }) => `${places(fields.limit)} This page tries again by itself, and joins when somebody has left.`,
    actions: ["retry", "change-stream"],
    auto: true,
    atLeast: 5,
  },
  INVALID_KEY: {
    title: "This is not a watch link",
    text: "Watching needs a stream id, which is public; a stream key is for publishing and should stay secret.",
    actions: ["change-stream"],
  },
  BANDWIDTH_EXCEEDED: {
    title: "The streamer's bandwidth is used up",
    text: "The account behind this stream has spent this month's bandwidth, so it cannot be watched until it is raised.",
    actions: ["change-stream"],
  },
  QUOTA_EXCEEDED: {
    title: "The stream's free bandwidth is used up",
    text: "This stream is published without an account, and its monthly allowance is spent.",
    actions: ["change-stream"],
  },
  UNSUPPORTED_OFFER: {
    title: "Your browser cannot play this stream",
    text: ({ message }) => `${message} Another browser may be able to.`,
    actions: ["retry", "change-stream"],
  },
};

/** @type {Record<string, Meaning>} */
const ACCOUNT = {
  UNAUTHORIZED: {
    title: "Wrong account token",
    text: "This server does not know that token. It starts with acct_ and was shown once, when the account was made.",
    actions: ["edit-token"],
  },
  STREAM_NOT_FOUND: {
    title: "There is no such stream",
    text: "No stream has this id.",
    actions: ["change-stream"],
  },
};

/** @type {Record<string, Meaning>} */
const ANYWHERE = {
  PROTOCOL_NOT_ALLOWED: {
    title: ({ fields }) => `${String(fields.protocol ?? "This protocol").toUpperCase()} needs an account`,
    text: "Without an account you can publish by WHIP and watch by WHEP, which is what this page does. Sign in for RTMP, SRT and HLS.",
    actions: ["another-key"],
  },
  INVALID_GRANT: {
    title: "The permission ran out on the way",
    text: "A permission serves once and for seconds. Trying again gets a fresh one.",
    actions: ["retry"],
  },
  INVALID_REQUEST: {
    title: "The server did not understand the request",
    text: ({ message }) => message,
    actions: ["retry"],
  },
  RATE_LIMITED: {
    title: "Too many attempts",
    text: "The server asks for a pause. This page tries again by itself.",
    actions: ["retry", "stop"],
    auto: true,
    holds: true, // asking earlier is refused, and counted
  },
  NO_CAPACITY: {
    title: "All servers are busy",
    text: "No server has room right now. This page tries again by itself.",
    actions: ["retry", "stop"],
    auto: true,
  },
  DRAINING: {
    title: "That server is being replaced",
    text: "It takes no new sessions. This page tries another one by itself.",
    actions: ["retry", "stop"],
    auto: true,
  },
  BITRATE_EXCEEDED: {
    title: "The encoder sent too much",
    text: "Its bitrate was above what the account may publish, and stayed there after a warning. Lower it, and start again.",
    actions: ["retry", "stop"],
  },
  UNAVAILABLE: {
    title: "The service cannot decide right now",
    text: "Sessions that are running go on. This page tries again by itself.",
    actions: ["retry", "stop"],
    auto: true,
  },
  NO_WEBRTC: {
    title: "This browser cannot carry live video",
    text: "It has no WebRTC, or a setting or an extension has switched it off. Allow it for this page, or use another browser.",
    actions: ["retry"],
  },
  UNREACHABLE: {
    title: "The server could not be reached",
    text: "Check your connection. This page tries again by itself.",
    actions: ["retry", "stop"],
    auto: true,
  },
};

/**
 * Codes that are not ours: a proxy's, or a gateway's. What a server does wrong passes; what we do wrong does not.
 * @type {Meaning}
 */
const UNKNOWN = { title: "The server refused", text: ({ message }) => message, actions: ["retry"] };
/** @type {Meaning} */
const BROKEN = {
  title: "The server has trouble",
  text: ({ status }) => `It answered ${status}. This page tries again by itself.`,
  actions: ["retry", "stop"],
  auto: true,
};

/** @type {Meaning} */
const TOO_OLD_FREE_KEY = {
  title: "Your free key is not valid any more",
  text: "This server does not know it, so the watch link that you shared leads nowhere. A new free key has a new link, which you would have to share again.",
  actions: ["anonymous", "forget", "edit-key"],
};

/** @type {Record<Place, Record<string, Meaning>>} */
const PLACES = { publish: PUBLISH, watch: WATCH, account: ACCOUNT };

/**
 * Every code that is explained at *place*.
 * @param {Place} place
 */
export const explainedCodes = (place) => Object.keys({ ...ANYWHERE, ...PLACES[place] });

/**
 * What is shown for a refusal. *retryAfter* and *wait* in seconds: until the page tries again by itself, and until a person may.
 * @typedef {{code: string, title: string, text: string, actions: Action[], auto: boolean, retryAfter: number | null, wait: number}} Explanation
 */

/**
 * What *refusal* means at *place*.
 * *wasLive*: the key was refused to a publisher that it had just served, so somebody took it over. *stored*: it is the free key
 * that this device keeps.
 * @param {Refused} refused
 * @param {Place} place
 * @param {{wasLive?: boolean, stored?: boolean}} [publisher]
 * @returns {Explanation}
 */
export function explain(refused, place, publisher = {}) {
  // By name: an Error's message is no property that a spread would copy.
  const { code, status = 0, message = "", fields = {}, retryAfter = null } = refused;
  const { title, text, actions, auto = false, holds = false, atLeast = null } = meaningOf(code, status, place, publisher);
  /** @param {Words} part */
  const words = (part) => (typeof part === "function" ? part({ code, status, message, fields, retryAfter }) : part);
  return {
    code,
    title: words(title),
    text: words(text),
    actions,
    auto,
    retryAfter: retryAfter ?? atLeast,
    wait: auto && !holds ? 0 : (retryAfter ?? 0),
  };
}

/**
 * @param {string} code
 * @param {number} status
 * @param {Place} place
 * @param {{wasLive?: boolean, stored?: boolean}} publisher
 */
function meaningOf(code, status, place, { wasLive = false, stored = false }) {
  if (wasLive && code === "KEY_ALREADY_IN_USE") {
    return TAKEN_OVER;
  }
  if (stored && code === "INVALID_KEY") {
    return TOO_OLD_FREE_KEY;
  }
  return PLACES[place][code] ?? ANYWHERE[code] ?? (status >= 500 ? BROKEN : UNKNOWN);
}
