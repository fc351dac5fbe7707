// How publishing looks in each state, and what follows from silence.

import assert from "node:assert/strict";
import { test } from "node:test";

import { afterSilence, appearance, isAtRest, isOnAir } from "../../../../../functions/public/page/publish/states.js";

/** @typedef {import("../../../../../functions/public/page/publish/states.js").State} State */
/** @type {State[]} */
const STATES = ["idle", "opening", "connecting", "live", "reconnecting", "waiting", "refused", "ended"];
const HERE = { hasSource: false, online: true };

test("the button begins at rest, cancels what is not live, and stops what is", () => {
  const buttons = Object.fromEntries(STATES.map((state) => [state, appearance(state, HERE).button]));
  assert.deepEqual(buttons, {
    idle: "Go live",
    opening: "Cancel",
    connecting: "Cancel",
    live: "Stop publishing",
    reconnecting: "Stop publishing",
    waiting: "Cancel",
    refused: "Go live",
    ended: "Go live",
  });
});

test("the key can be corrected while the page only waits", () => {
  assert.deepEqual(STATES.filter((state) => appearance(state, HERE).keyLocked), ["opening", "connecting", "live", "reconnecting"]);
});

test("a state is at rest or busy, and only two are on air", () => {
  assert.deepEqual(STATES.filter(isAtRest), ["idle", "refused", "ended"]);
  assert.deepEqual(STATES.filter(isOnAir), ["live", "reconnecting"]);
  assert.deepEqual(STATES.filter((state) => appearance(state, HERE).busy), STATES.filter((state) => !isAtRest(state)));
});

test("a preview is not mistaken for being live, nor an own dead network for a server's", () => {
  assert.equal(appearance("idle", { hasSource: true, online: true }).text, "Preview only. You are not live.");
  assert.match(appearance("reconnecting", { hasSource: true, online: false }).text ?? "", /You are offline/);
});

test("the badge says live only to who is", () => {
  assert.deepEqual(STATES.map((state) => appearance(state, HERE).badge), ["Off", "…", "…", "Live", "Reconnecting", "…", "Off", "Off"]);
});

const WELL = { silent: 0, online: true, connected: true };

test("silence first means reconnecting, then the end of the connection", () => {
  assert.equal(afterSilence("live", WELL), null);
  assert.equal(afterSilence("live", { ...WELL, silent: 2000 }), "reconnecting");
  assert.equal(afterSilence("live", { ...WELL, silent: 1000, online: false }), "reconnecting");
  assert.equal(afterSilence("reconnecting", { ...WELL, silent: 8000 }), "lost");
});

test("what is heard again is live again, where the browser agrees", () => {
  assert.equal(afterSilence("reconnecting", WELL), "live");
  assert.equal(afterSilence("reconnecting", { ...WELL, connected: false }), null);
});
