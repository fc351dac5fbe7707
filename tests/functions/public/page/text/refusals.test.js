// What each refusal means to a person. That every code is explained is tried against the registry (tests/browser).

import assert from "node:assert/strict";
import { test } from "node:test";

import { explain, explainedCodes } from "../../../../../functions/public/page/text/refusals.js";

test("a refusal's own numbers are in its words", () => {
  const told = explain({ code: "STREAM_LIMIT_REACHED", fields: { limit: 3, current: 2 } }, "publish");
  assert.equal(told.title, "Your account limit was reached");
  assert.match(told.text, /3 streams at a time, and 2 are live now/);
  assert.deepEqual(told.actions, ["anonymous", "retry", "dismiss"]);
});

test("a key that was just served and is in use now was taken over", () => {
  const refused = { code: "KEY_ALREADY_IN_USE", fields: { server: "node1" }, retryAfter: 8 };
  assert.equal(explain(refused, "publish").title, "This key is active elsewhere");
  assert.match(explain(refused, "publish").text, /overriding has to wait a little/);
  assert.equal(explain(refused, "publish", { wasLive: true }).title, "Your stream was taken over");
});

test("a stored free key that lapsed is replaced, not corrected", () => {
  assert.deepEqual(explain({ code: "INVALID_KEY" }, "publish").actions, ["edit-key"]);
  assert.equal(explain({ code: "INVALID_KEY" }, "publish", { stored: true }).actions[0], "anonymous");
});

test("the same code has other words for a viewer", () => {
  assert.equal(explain({ code: "INVALID_KEY" }, "watch").title, "This is not a watch link");
});

test("buttons wait where the server says so, unless the page goes on by itself", () => {
  assert.equal(explain({ code: "KEY_ALREADY_IN_USE", retryAfter: 8 }, "publish").wait, 8);
  assert.equal(explain({ code: "NO_CAPACITY", retryAfter: 8 }, "publish").wait, 0);
  assert.equal(explain({ code: "RATE_LIMITED", retryAfter: 8 }, "publish").wait, 8);
});

test("a full stream is asked again after five seconds where the server names none", () => {
  const full = { code: "VIEWER_LIMIT_REACHED", fields: { limit: 1 } };
  assert.equal(explain(full, "watch").retryAfter, 5);
  assert.equal(explain({ ...full, retryAfter: 2 }, "watch").retryAfter, 2);
});

test("of a code that nobody knows, a server's trouble passes and our own does not", () => {
  assert.equal(explain({ code: "UNEXPECTED", status: 502 }, "publish").auto, true);
  const ours = explain({ code: "UNEXPECTED", status: 418, message: "I am a teapot." }, "publish");
  assert.deepEqual([ours.auto, ours.text], [false, "I am a teapot."]);
});

test("the message of an error is read, which is no property that a spread would copy", () => {
  const error = Object.assign(new Error("No codec of yours."), { code: "UNSUPPORTED_OFFER", status: 406, fields: {} });
  assert.equal(explain(error, "publish").text, "No codec of yours. Another codec may work.");
});

test("every place explains what may happen anywhere", () => {
  for (const place of /** @type {const} */ (["publish", "watch", "account"])) {
    assert.ok(explainedCodes(place).includes("RATE_LIMITED"));
  }
});
