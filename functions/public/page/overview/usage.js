// Where an account's bytes of the month went, by day and by stream.

import { bytes } from "../text/format.js";
import { byId, fillRows, make, say } from "../ui/dom.js";

/** @param {string} day such as 2026-11-30 */
const dayOf = (day) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/**
 * Show *usage* in two tables with bars, by day and by stream. Both add up to the month.
 * @param {import("../api.js").Usage} usage
 */
export function showUsage(usage) {
  const sums = `${bytes(usage.bytes)} in ${usage.month}: ${bytes(usage.received)} received, ${bytes(usage.sent)} sent.`;
  say(byId("usage-month", HTMLElement), sums);
  fillBars("usage-days", usage.days, (part) => (part.day ? dayOf(part.day) : "Not assigned"));
  fillBars("usage-streams", usage.streams, (part) =>
    part.stream_id ? part.label || make("span", { className: "mono", textContent: part.stream_id }) : "Not assigned",
  );
}

/**
 * @template {{bytes: number}} Part
 * @param {string} id of the table's body
 * @param {Part[]} parts
 * @param {(part: Part) => Node | string} name
 */
function fillBars(id, parts, name) {
  const most = Math.max(1, ...parts.map((part) => part.bytes));
  fillRows(byId(id, HTMLTableSectionElement), parts, "Nothing was published or watched.", (part) => [
    name(part),
    make("meter", { className: "plain", min: 0, max: 1, value: part.bytes / most, ariaLabel: bytes(part.bytes) }),
    bytes(part.bytes),
  ]);
}
