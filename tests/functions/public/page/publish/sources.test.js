// Why a source cannot be had, in words for the person who asked for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SourceError, available, explained } from "../../../../../functions/public/page/publish/sources.js";

test("what the browser throws becomes what a person can do", () => {
  const told = explained(new DOMException("Permission denied", "NotAllowedError"));
  assert.ok(told instanceof SourceError);
  assert.match(told.message, /Allow the camera and microphone for this page/);
});

test("a fault that nobody foresaw keeps its name", () => {
  assert.equal(explained(new TypeError("?")).message, "The source could not be opened (TypeError).");
});

test("without devices there is neither camera nor screen, and no failure", async () => {
  assert.deepEqual(await available(), { camera: false, screen: false });
});
