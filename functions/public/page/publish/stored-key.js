// The free key that this device keeps, so that a reload does not lose the watch link that was shared.
//
// Keys of an account are never kept. A browser that denies storage keeps nothing, and the page goes on without.

const NAME = "sluice.free-key";

/** `{key, streamId}`, or null. */
export function keptKey(storage = localStorageOrNull()) {
  try {
    const { key, streamId } = JSON.parse(storage.getItem(NAME));
    return /^anon_[a-z2-7]{32}$/.test(key) && /^[a-z2-7]{16}$/.test(streamId) ? { key, streamId } : null;
  } catch {
    return null;
  }
}

/** Keep *key*; whether this device does. */
export function keep(key, streamId, storage = localStorageOrNull()) {
  try {
    storage.setItem(NAME, JSON.stringify({ key, streamId }));
    return keptKey(storage) !== null;
  } catch {
    return false;
  }
}

export function forget(storage = localStorageOrNull()) {
  try {
    storage.removeItem(NAME);
  } catch {
    // What was never kept is forgotten.
  }
}

function localStorageOrNull() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // reading the property itself throws where storage is denied
  }
}
