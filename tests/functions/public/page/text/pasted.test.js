// What people paste, told apart by its shape; what they are told of it is tried in a browser (tests/browser/test_pasted.py).

import assert from "node:assert/strict";
import { test } from "node:test";

import { notAKey, notAStream, notAToken, pasted, visible } from "../../../../../functions/public/page/text/pasted.js";

const KEY = `live_${"a".repeat(32)}`;
const TOKEN = `acct_${"c".repeat(32)}`;
const STREAM = "abcdefghijklmnop";

test("what nobody sees is taken away, and so are quotes around it", () => {
  assert.equal(visible("\u200b“li\u00adve”\u00a0"), "live");
  assert.equal(visible("ｌｉｖｅ"), "live");
});

test("a key is found in a sentence, in capitals, and over a line break", () => {
  for (const text of [`my key: ${KEY}, keep it!`, KEY.toUpperCase(), `${KEY.slice(0, 20)}\n${KEY.slice(20)}`]) {
    assert.deepEqual(pasted(text), { kind: "key", value: KEY });
  }
});

test("a key with a letter too many is not cut to one that fits", () => {
  assert.deepEqual(pasted(`${KEY}a`), { kind: "cut-key", value: 33 });
});

test("each kind is told from the others", () => {
  const kinds = ["", TOKEN, STREAM, "live_abc", "acct_abc", "hunter2"].map((text) => pasted(text).kind);
  assert.deepEqual(kinds, ["nothing", "token", "stream", "cut-key", "cut-token", "other"]);
});

test("what is right has no problem, and every other kind has words of its own", () => {
  assert.deepEqual([notAKey(KEY), notAToken(TOKEN), notAStream(STREAM)], [null, null, null]);
  const others = ["", KEY, TOKEN, STREAM, "live_abc", "acct_abc", "hunter2"];
  assert.deepEqual(others.map(notAKey).filter(Boolean).length, others.length - 1);
  assert.deepEqual(others.map(notAToken).filter(Boolean).length, others.length - 1);
  assert.deepEqual(others.map(notAStream).filter(Boolean).length, others.length - 1);
});

test("nothing at all is told from something wrong", () => {
  assert.deepEqual([notAKey("")?.code, notAKey("hunter2")?.code], ["NO_KEY", "NOT_A_KEY"]);
});

test("how a key was cut is said, and what was pasted is never repeated", () => {
  assert.match(notAKey("live_abc")?.text ?? "", /here there are 3/);
  assert.match(notAKey(`${KEY.slice(0, -1)}а`)?.text ?? "", /none that we give out/);
  for (const problem of [notAKey(TOKEN), notAStream(KEY), notAToken(KEY)]) {
    assert.doesNotMatch(`${problem?.title} ${problem?.text}`, /aaaa|cccc/);
  }
});
