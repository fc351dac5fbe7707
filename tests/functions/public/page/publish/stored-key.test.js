// The free key that a device keeps.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isStored, removeKey, storeKey, storedKey } from "../../../../../functions/public/page/publish/stored-key.js";

const KEY = `anon_${"b".repeat(32)}`;
const STREAM = "freefreefreefree";

/** @param {string | null} kept */
function store(kept = null) {
  let value = kept;
  return {
    getItem: () => value,
    /** @param {string} _ @param {string} text */
    setItem: (_, text) => {
      value = text;
    },
    removeItem: () => {
      value = null;
    },
  };
}

const DENIED = {
  getItem() {
    throw new Error("denied");
  },
  setItem() {
    throw new Error("denied");
  },
  removeItem() {
    throw new Error("denied");
  },
};

test("a free key is kept until it is removed", () => {
  const here = store();
  assert.equal(storeKey(KEY, STREAM, here), true);
  assert.deepEqual(storedKey(here), { key: KEY, streamId: STREAM });
  assert.deepEqual([isStored(KEY, here), isStored("", here)], [true, false]);
  removeKey(here);
  assert.equal(storedKey(here), null);
});

test("a key of an account is never read back as a free one", () => {
  const here = store();
  assert.equal(storeKey(`live_${"a".repeat(32)}`, STREAM, here), false);
  assert.equal(storedKey(here), null);
});

test("what somebody else wrote under the name is no key", () => {
  for (const text of ["", "null", "[]", "{", '{"key": 1}', `{"key": "${KEY}", "streamId": "?"}`]) {
    assert.equal(storedKey(store(text)), null);
  }
});

test("a browser that denies storage, or has none, keeps nothing and fails nowhere", () => {
  for (const here of [DENIED, null]) {
    assert.equal(storeKey(KEY, STREAM, here), false);
    assert.equal(storedKey(here), null);
    removeKey(here);
  }
});
