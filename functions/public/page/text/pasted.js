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

/** *text* without what cannot be seen, and without the quotes around it. Letters of other widths become plain ones. */
export function visible(text) {
  return text.normalize("NFKC").replace(INVISIBLE, "").replace(QUOTES, "");
}

/**
 * `{kind, value}` of *text*: `key`, `token` or `stream` with what was meant; `cut-key` and `cut-token` for the beginning of one
 * (*value* is how many characters follow the prefix); `other` and `nothing`. *text* may be a sentence or an address around it.
 */
export function pasted(text) {
  const bare = visible(text);
  if (bare === "") {
    return { kind: "nothing", value: "" };
  }
  // Words around it stay apart as long as blanks are there; a key that a line break cut in two is whole without them.
  const spaced = text.normalize("NFKC").replace(IGNORABLE, "");
  for (const [kind, shape] of [["key", KEY], ["token", TOKEN]]) {
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

const length = (found) =>
  found === 32 ? "one of its characters is none that we give out" : `32 letters and digits follow the underscore; here there are ${found}`;

/** Why *text* is no stream key, as `{code, title, text}` for a notice; null where it is one. */
export function notAKey(text) {
  const { kind, value } = pasted(text);
  const said = {
    nothing: ["A stream key is needed", "Paste the key of your account, or publish with a free one: one stream, a few viewers, no account."],
    token: ["This is an account token", "It manages your account, and publishes nothing. The key begins with live_; Status shows your streams by this token."],
    "cut-token": ["This is an account token, and not a whole one", "It manages your account, and publishes nothing. The key begins with live_."],
    stream: ["This is a stream id", "Viewers use it, so it is no secret. The key that publishes the stream begins with live_."],
    "cut-key": ["This is not a whole stream key", `Copy it again: ${length(value)}.`],
    other: ["This is not a stream key", "A key begins with live_ (or anon_, without an account), then come 32 letters and digits. Copy it again."],
  };
  return kind === "key" ? null : { code: kind === "nothing" ? "NO_KEY" : "NOT_A_KEY", title: said[kind][0], text: said[kind][1] };
}

/** Why *text* is no account token, likewise. */
export function notAToken(text) {
  const { kind, value } = pasted(text);
  const said = {
    nothing: ["An account token is needed", "It begins with acct_ and was shown once, when the account was made."],
    key: ["This is a stream key", "It publishes, and shows nothing of the account. The account's token begins with acct_."],
    "cut-key": ["This is a stream key", "It publishes, and shows nothing of the account. The account's token begins with acct_."],
    stream: ["This is a stream id", "Look it up under “A stream”. The account's token begins with acct_."],
    "cut-token": ["This is not a whole account token", `Copy it again: ${length(value)}.`],
    other: ["This is not an account token", "It begins with acct_, then come 32 letters and digits. Copy it again."],
  };
  return kind === "token" ? null : { code: "NOT_A_TOKEN", title: said[kind][0], text: said[kind][1] };
}

/** Why *text* names no stream, likewise. */
export function notAStream(text) {
  const { kind } = pasted(text);
  const said = {
    key: ["This is not a watch link", "It is a stream key: it publishes, and should stay secret. Viewers use the watch link."],
    "cut-key": ["This is not a watch link", "It looks like a stream key, which publishes and should stay secret. Viewers use the watch link."],
    token: ["This is not a watch link", "It is an account token, which should stay secret. Viewers use the watch link."],
    "cut-token": ["This is not a watch link", "It looks like an account token, which should stay secret. Viewers use the watch link."],
  };
  const [title, words] = said[kind] ?? [
    "This is not a watch link",
    "A stream id has 16 letters and digits. Paste the id, the watch link or the WHEP address.",
  ];
  return kind === "stream" ? null : { code: "NOT_A_STREAM", title, text: words };
}
