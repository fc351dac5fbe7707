// Whose fault it is that no picture comes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SlowConnection, interruption, unreached } from "../../../../../functions/public/page/watch/interruption.js";

/** @typedef {import("../../../../../functions/public/page/watch/interruption.js").Evidence} Evidence */
/** @type {Evidence} */
const NOTHING_KNOWN = { online: true, arriving: true, publisher: null, live: null, reached: null };

/** @type {[name: string, evidence: Partial<Evidence>, state: string, text: RegExp][]} */
const CASES = [
  ["nothing is known", {}, "paused", /picture has paused/],
  ["the API says that it is over, whatever else", { live: false, online: false, arriving: false }, "ended", /has ended/],
  ["the viewer is offline", { online: false, arriving: false }, "reconnecting", /You are offline/],
  ["packets come although the browser says offline", { online: false }, "paused", /picture has paused/],
  ["the API is not reached", { reached: false, publisher: "inactive" }, "reconnecting", /does not reach the server/],
  ["the node says that its publisher is silent", { publisher: "inactive", arriving: false }, "paused", /streamer's connection/],
  ["the publisher sends, and nothing arrives", { publisher: "active", arriving: false }, "reconnecting", /nothing arrives here/],
  ["the publisher sends, and packets come", { publisher: "active" }, "paused", /picture has paused/],
];

for (const [name, evidence, state, text] of CASES) {
  test(`when ${name}: ${state}`, () => {
    const found = interruption({ ...NOTHING_KNOWN, ...evidence });
    assert.equal(found.state, state);
    assert.match(found.text, text);
  });
}

test("who cannot reach the server is told whether his own network is away", () => {
  assert.match(unreached(false), /You are offline/);
  assert.match(unreached(true), /does not reach the server/);
});

test("a connection is slow after three bad readings in a row, for its loss or its delay", () => {
  const slow = new SlowConnection();
  const lossy = { lossPercent: 12, rtt: 50 };
  assert.deepEqual([slow.read(lossy), slow.read(lossy)], ["", ""]);
  assert.match(slow.read(lossy), /12 % of the packets do not arrive/);
  assert.equal(slow.read({ lossPercent: 0, rtt: null }), "");
  const late = { lossPercent: 0, rtt: 1500 };
  assert.deepEqual([slow.read(late), slow.read(late)], ["", ""]);
  assert.match(slow.read(late), /an answer takes 1.5 s/);
});
