// What a publisher is told of reduced quality.

import assert from "node:assert/strict";
import { test } from "node:test";

import { limitation } from "../../../../../functions/public/page/publish/figures.js";

const LATER = 20_000;

test("the first seconds are no news: every browser begins low", () => {
  assert.equal(limitation({ kbps: 100, limitation: "bandwidth" }, 2500, 5000), "");
});

test("a network that carries less than was chosen is named", () => {
  assert.match(limitation({ kbps: 1000, limitation: "bandwidth" }, 2500, LATER), /network is at its limit/);
  assert.equal(limitation({ kbps: 2000, limitation: "bandwidth" }, 2500, LATER), "");
});

test("a computer at its limit is named at any bitrate", () => {
  assert.match(limitation({ kbps: 2500, limitation: "cpu" }, 2500, LATER), /computer is at its limit/);
});

test("a picture that needs little is not reduced", () => {
  assert.equal(limitation({ kbps: 100, limitation: "none" }, 2500, LATER), "");
});
