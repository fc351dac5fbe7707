// The free key: taken with one click, kept on this device, and never replaced together with its watch link unasked.

import * as api from "../api.js";
import { confirmed } from "../ui/dialog.js";
import { storeKey, storedKey } from "./stored-key.js";

/** @param {string} link */
const REPLACE = (link) => ({
  title: "Replace your free key?",
  text: `The watch link that goes with it, ${link}, then leads nowhere for good: whoever has it waits in vain, and the old key cannot be had again. The new key has a link of its own, which you would have to share.`,
  yes: "Replace key and link",
  no: "Keep them",
});

/** @param {string | null} link */
const PUT_ASIDE = (link) => ({
  title: "Publish with a free key instead?",
  text: `${
    link ? `Viewers at ${link} will not see you: it` : "The watch link that you may have shared"
  } belongs to the key in the field. A free key publishes another stream, with a link of its own, which you would have to share. The key leaves the field; paste it again to go back.`,
  yes: "Use a free key",
  no: "Keep the key",
});

/**
 * A free key, or null where the person keeps what there is. *current* is the key in the field, *shown* the
 * stream whose link is on the page (or null). *expected*: the person has chosen free servers already, so a key whose link was
 * never shown may go; *lapsed*: the stored key is known to be invalid, and the person was told.
 * @param {{current: string, shown: string | null, expected?: boolean, lapsed?: boolean}} situation
 * @returns {Promise<{key: string, streamId: string, stored: boolean} | null>} *stored*: this device keeps it
 */
export async function takeFreeKey({ current, shown, expected = false, lapsed = false }) {
  const stored = storedKey();
  const link = shown && api.watchLink(shown);
  if (stored && stored.key === current) {
    if (!lapsed && !(await confirmed(REPLACE(api.watchLink(stored.streamId))))) {
      return null;
    }
  } else {
    const atStake = link !== null || (current !== "" && !expected);
    if (atStake && !(await confirmed(current.startsWith("anon_") && link ? REPLACE(link) : PUT_ASIDE(link)))) {
      return null;
    }
    if (stored) {
      return { ...stored, stored: true };
    }
  }
  const { stream_key: key, stream_id: streamId } = await api.anonymous();
  return { key, streamId, stored: storeKey(key, streamId) };
}
