// Whether anything comes back over a connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { GONE_MS, Liveness, OFFLINE_MS, isGone } from "../../../../../functions/public/page/webrtc/liveness.js";

test("silence is counted from the last growth of what arrived", () => {
  const liveness = new Liveness(1000);
  assert.equal(liveness.silent(0, 1500), 0);
  assert.equal(liveness.silent(0, 2100), 600);
  assert.equal(liveness.silent(5, 2200), 0);
  assert.equal(liveness.silent(5, 2900), 700);
});

test("a browser that says that it is offline is believed sooner", () => {
  assert.deepEqual([isGone(GONE_MS - 1, true), isGone(GONE_MS, true)], [false, true]);
  assert.deepEqual([isGone(OFFLINE_MS - 1, false), isGone(OFFLINE_MS, false)], [false, true]);
});
