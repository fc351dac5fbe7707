// The free key that this device keeps, so that a reload does not lose the watch link that was shared.
//
// Keys of an account are never kept. A browser that denies storage keeps nothing, and the page goes on without.

const NAME = "sluice.free-key";

/**
 * A free key and the stream that it publishes.
 * @typedef {{key: string, streamId: string}} FreeKey
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store
 */

/**
 * The free key that is stored here, or null.
 * @param {Store | null} store
 * @returns {FreeKey | null}
 */
export function storedKey(store = localStorageOrNull()) {
  try {
    const { key, streamId } = JSON.parse(store?.getItem(NAME) ?? "null");
    return /^anon_[a-z2-7]{32}$/.test(key) && /^[a-z2-7]{16}$/.test(streamId) ? { key, streamId } : null;
  } catch {
    return null;
  }
}

/**
 * Store *key* on this device; whether it does keep it.
 * @param {string} key
 * @param {string} streamId
 * @param {Store | null} store
 */
export function storeKey(key, streamId, store = localStorageOrNull()) {
  try {
    store?.setItem(NAME, JSON.stringify({ key, streamId }));
    return storedKey(store) !== null;
  } catch {
    return false;
  }
}

/**
 * Remove the stored key; one that was never stored is no fault.
 * @param {Store | null} store
 */
export function removeKey(store = localStorageOrNull()) {
  try {
    store?.removeItem(NAME);
  } catch {
    // What was never kept is forgotten.
  }
}

/**
 * Whether *key* is the free key that this device keeps.
 * @param {string} key
 * @param {Store | null} store
 */
export const isStored = (key, store = localStorageOrNull()) => key !== "" && storedKey(store)?.key === key;

function localStorageOrNull() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // reading the property itself throws where storage is denied
  }
}
