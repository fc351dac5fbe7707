// Numbers as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, clock, count, kbps, streamIdIn } from "../../../../../functions/public/page/text/format.js";

test("a bitrate has the unit that fits", () => {
  assert.deepEqual([0, 999.4, 1000, 4500].map(kbps), ["0 kbit/s", "999 kbit/s", "1.0 Mbit/s", "4.5 Mbit/s"]);
  assert.deepEqual([kbps(null), kbps()], ["–", "–"]);
});

test("an amount has up to three digits", () => {
  const said = [0, 1, 999, 1000, 1_500_000, 123_456_789, 2e12].map(bytes);
  assert.deepEqual(said, ["0 bytes", "1 byte", "999 bytes", "1 kB", "1.5 MB", "123 MB", "2000 GB"]);
});

test("a duration looks like a clock, and never runs backwards", () => {
  assert.deepEqual([-5, 0, 61, 3661, 36_000].map(clock), ["0:00", "0:00", "1:01", "1:01:01", "10:00:00"]);
});

test("one is one, and nothing is many", () => {
  assert.deepEqual([count(1, "viewer"), count(0, "viewer"), count(2, "query", "queries")], ["1 viewer", "0 viewers", "2 queries"]);
});

test("a stream is found in an id, a watch link and a WHEP address", () => {
  const id = "abcdefghijklmnop";
  for (const text of [id, `https://s.example/watch/${id}`, `https://s.example/${id}/whep`, ` ${id}\n`]) {
    assert.equal(streamIdIn(text), id);
  }
  assert.equal(streamIdIn("https://s.example/watch/abc"), null);
});
