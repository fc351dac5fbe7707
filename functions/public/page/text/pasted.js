// What people paste: a stream key, an account token, a stream id or a link, told apart by their shapes.
//
// Pure. Chats and documents add what nobody sees (zero-width characters, no-break spaces, soft hyphens, line breaks) and
// quotes around it; none of them can be part of a secret or an id, so they are taken away before anything is said.

const INVISIBLE = /[\s\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;

// The same shapes as in shared/keys.py. Capitals are a phone's keyboard: there are none in what we give out.
const KEY = /(?<![a-z0-9_])(?:live|anon)_[a-z2-7]{32}(?![a-z0-9_])/i;
const TOKEN = /(?<![a-z0-9_])acct_[a-z2-7]{32}(?![a-z0-9_])/i;
const STREAM = /^[a-z2-7]{16}$/;
const WATCHED = /\/(?:watch\/([a-z2-7]{16})|([a-z2-7]{16})\/whep)\/?(?:[?#].*)?$/;
const QUOTES = /^["'`´«»‹›“”„‟‘’‚‛<>()[\]{}*]+|["'`´«»‹›“”„‟‘’‚‛<>()[\]{}*.,;]+$/g;

/**
 * What *text* may be: a whole key, token or stream id, the beginning of one, something else, or nothing.
 * @typedef {"key" | "token" | "stream" | "cut-key" | "cut-token" | "other" | "nothing"} Kind
 */

/**
 * What a notice says: a code for programs, a heading and a sentence.
 * @typedef {{code: string, title: string, text: string}} Problem
 */

/**
 * *text* without what cannot be seen, and without the quotes around it. Letters of other widths become plain ones.
 * @param {string} text
 */
export function visible(text) {
  return text.normalize("NFKC").replace(INVISIBLE, "").replace(QUOTES, "");
}

/**
 * `{kind, value}` of *text*: `key`, `token` or `stream` with what was meant; `cut-key` and `cut-token` for the beginning of one
 * (*value* is how many characters follow the prefix); `other` and `nothing`. *text* may be a sentence or an address around it.
 * @param {string} text
 * @returns {{kind: "key" | "token" | "stream" | "other" | "nothing", value: string} | {kind: "cut-key" | "cut-token", value: number}}
 */
export function pasted(text) {
  const bare = visible(text);
  if (bare === "") {
    return { kind: "nothing", value: "" };
  }
  // Words around it stay apart as long as blanks are there; a key that a line break cut in two is whole without them.
  const spaced = text.normalize("NFKC").replace(IGNORABLE, "");
  /** @type {["key" | "token", RegExp][]} */
  const secrets = [["key", KEY], ["token", TOKEN]];
  for (const [kind, shape] of secrets) {
    const found = shape.exec(spaced) ?? shape.exec(bare);
    if (found) {
      return { kind, value: found[0].toLowerCase() };
    }
  }
  const id = STREAM.exec(bare)?.[0] ?? WATCHED.exec(bare)?.slice(1).find(Boolean);
  if (id) {
    return { kind: "stream", value: id };
  }
  const cut = /^(live|anon|acct)_(.*)$/i.exec(bare);
  if (cut) {
    return { kind: cut[1].toLowerCase() === "acct" ? "cut-token" : "cut-key", value: [...cut[2]].length };
  }
  return { kind: "other", value: bare };
}

/** @param {string | number} found how many characters follow the prefix */
const length = (found) =>
  found === 32 ? "one of its characters is none that we give out" : `32 letters and digits follow the underscore; here there are ${found}`;

/** @typedef {Partial<Record<Kind, [title: string, text: string]>>} Words */

/**
 * Why *text* is no stream key, for a notice; null where it is one.
 * @param {string} text
 * @returns {Problem | null}
 */
export function notAKey(text) {
  const { kind, value } = pasted(text);
  /** @type {Words} */
  const words = {
    nothing: ["A stream key is needed", "Paste the key of your account, or publish with a free one: one stream, a few viewers, no account."],
    token: ["This is an account token", "It manages your account, and publishes nothing. The key begins with live_; Status shows your streams by this token."],
    "cut-token": ["This is an account token, and not a whole one", "It manages your account, and publishes nothing. The key begins with live_."],
    stream: ["This is a stream id", "Viewers use it, so it is no secret. The key that publishes the stream begins with live_."],
    "cut-key": ["This is not a whole stream key", `Copy it again: ${length(value)}.`],
    other: ["This is not a stream key", "A key begins with live_ (or anon_, without an account), then come 32 letters and digits. Copy it again."],
  };
  return problem(kind === "nothing" ? "NO_KEY" : "NOT_A_KEY", words[kind]);
}

/**
 * Why *text* is no account token, for a notice; null where it is one.
 * @param {string} text
 * @returns {Problem | null}
 */
export function notAToken(text) {
  const { kind, value } = pasted(text);
  /** @type {Words} */
  const words = {
    nothing: ["An account token is needed", "It begins with acct_ and was shown once, when the account was made."],
    key: ["This is a stream key", "It publishes, and shows nothing of the account. The account's token begins with acct_."],
    "cut-key": ["This is a stream key", "It publishes, and shows nothing of the account. The account's token begins with acct_."],
    stream: ["This is a stream id", "Look it up under “A stream”. The account's token begins with acct_."],
    "cut-token": ["This is not a whole account token", `Copy it again: ${length(value)}.`],
    other: ["This is not an account token", "It begins with acct_, then come 32 letters and digits. Copy it again."],
  };
  return problem("NOT_A_TOKEN", words[kind]);
}

/**
 * Why *text* names no stream, for a notice; null where it does.
 * @param {string} text
 * @returns {Problem | null}
 */
export function notAStream(text) {
  const { kind } = pasted(text);
  /** @type {Words} */
  const words = {
    key: ["This is not a watch link", "It is a stream key: it publishes, and should stay secret. Viewers use the watch link."],
    "cut-key": ["This is not a watch link", "It looks like a stream key, which publishes and should stay secret. Viewers use the watch link."],
    token: ["This is not a watch link", "It is an account token, which should stay secret. Viewers use the watch link."],
    "cut-token": ["This is not a watch link", "It looks like an account token, which should stay secret. Viewers use the watch link."],
  };
  const otherwise = "A stream id has 16 letters and digits. Paste the id, the watch link or the WHEP address.";
  return kind === "stream" ? null : problem("NOT_A_STREAM", words[kind] ?? ["This is not a watch link", otherwise]);
}

/**
 * @param {string} code
 * @param {[title: string, text: string] | undefined} words
 */
function problem(code, words) {
  return words ? { code, title: words[0], text: words[1] } : null;
}
