// How loud the sound is, as a viewer reads it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { loudness } from "../../../../../functions/public/page/watch/figures.js";

test("a level is told in decibels below the loudest", () => {
  assert.deepEqual([loudness(1, false), loudness(0.1, false)], ["0 dB", "-20 dB"]);
});

test("silence, a muted player and a browser that does not say are told apart", () => {
  assert.deepEqual([loudness(0, false), loudness(0.5, true), loudness(null, false)], ["silent", "muted", "–"]);
});
