// The waits between attempts: they grow, are capped, and are spread.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../../../../../functions/public/page/webrtc/backoff.js";

const middle = () => 0.5;

test("waits grow by their factor up to the ceiling", () => {
  const backoff = new Backoff({ first: 1, factor: 2, ceiling: 5, random: middle });
  assert.deepEqual([1, 2, 3, 4, 5].map(() => backoff.next()), [1, 2, 4, 5, 5]);
});

test("clients that were refused at the same moment do not come back at the same moment", () => {
  assert.equal(new Backoff({ first: 10, random: () => 0 }).next(), 8.5);
  assert.equal(new Backoff({ first: 10, random: () => 1 }).next(), 11.5);
});

test("nobody asks earlier than the server says", () => {
  const backoff = new Backoff({ first: 1, factor: 2, random: middle });
  assert.equal(backoff.next(7), 7);
  assert.equal(backoff.next(0.5), 2);
});

test("after a success the waits begin anew", () => {
  const backoff = new Backoff({ first: 1, factor: 2, random: middle });
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 1);
});
