// Where a WHEP session's events are, by the Link fields of the server's answer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { eventsUrl } from "../../../../../functions/public/page/webrtc/server-events.js";

const REL = 'rel="urn:ietf:params:whep:ext:core:server-sent-events"';

/** @param {string} link */
const found = (link) => eventsUrl(new Headers({ Link: link }));

test("the events are found among other links", () => {
  assert.equal(found(`<stun:s.example:3478>; rel="ice-server", </sessions/a/events>; ${REL}; events="active,inactive"`), "/sessions/a/events");
});

test("an address with a comma is taken whole", () => {
  assert.equal(found(`</a,b>; ${REL}`), "/a,b");
});

test("a server without events has none", () => {
  assert.equal(eventsUrl(new Headers()), null);
  assert.equal(found('</layers>; rel="urn:ietf:params:whep:ext:core:layer"'), null);
});
