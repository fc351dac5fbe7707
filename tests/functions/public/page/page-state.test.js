// The one word for programs that goes with the view that is shown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageState } from "../../../../functions/public/page/page-state.js";

test("the word is that of the shown view; the overview shows what is published", () => {
  assert.equal(pageState("watch", "live", "paused"), "waiting");
  assert.equal(pageState("publish", "live", "paused"), "live");
  assert.equal(pageState("overview", "opening", "idle"), "connecting");
});
