// The free key: taken with one click, kept on this device, and never replaced together with its watch link unasked.

import * as api from "../api.js";
import { ask } from "../ui/dialog.js";
import { forget, keep, keptKey } from "./stored-key.js";

const REPLACE = (link) => ({
  title: "Replace your free key?",
  text:
    `The watch link that goes with it, ${link}, then leads nowhere for good: whoever has it waits in vain, and the old key cannot be had ` +
    "again. The new key has a link of its own, which you would have to share.",
  yes: "Replace key and link",
  no: "Keep them",
});
const PUT_ASIDE = (link) => ({
  title: "Publish with a free key instead?",
  text:
    `${link ? `Viewers at ${link} will not see you: it` : "The watch link that you may have shared"} belongs to the key in the field. A free ` +
    "key publishes another stream, with a link of its own, which you would have to share. The key leaves the field; paste it again to go back.",
  yes: "Use a free key",
  no: "Keep the key",
});

/** Whether *key* is the free key that this device keeps. */
export const isKept = (key) => key !== "" && keptKey()?.key === key;

export { forget, keptKey };

/**
 * A free key as `{key, streamId, kept}`, or null where the person keeps what there is. *current* is the key in the field, *shown* the
 * stream whose link is on the page (or null). *expected*: the person has chosen free servers already, so a key whose link was
 * never shown may go; *lapsed*: the kept key is known to be invalid, and the person was told.
 */
export async function takeFreeKey({ current, shown, expected = false, lapsed = false }) {
  const kept = keptKey();
  const link = shown && api.watchLink(shown);
  if (kept && kept.key === current) {
    if (!lapsed && !(await ask(REPLACE(api.watchLink(kept.streamId))))) {
      return null;
    }
  } else {
    const atStake = link !== null || (current !== "" && !expected);
    if (atStake && !(await ask(current.startsWith("anon_") && link ? REPLACE(link) : PUT_ASIDE(link)))) {
      return null;
    }
    if (kept) {
      return { ...kept, kept: true };
    }
  }
  const { stream_key: key, stream_id: streamId } = await api.anonymous();
  return { key, streamId, kept: keep(key, streamId) };
}
