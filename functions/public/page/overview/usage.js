// What an owner can ask beyond the glance: where the month's bytes went, and whether a key would work now.

import { byId, fillRows, make, say } from "../ui/dom.js";
import { bytes } from "../text/format.js";

const CHECKS = {
  key: "Key",
  stream: "Stream",
  protocol: "Protocol",
  quota: "Quota",
  key_in_use: "Key in use",
  live: "Live",
  stream_limit: "Streams at a time",
  viewers: "Viewers",
  capacity: "Node",
};
const MARKS = new Map([[true, ["✓", "passed"]], [false, ["✕", "failed"]], [null, ["–", "not asked"]]]);

const dayOf = (day) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** Two tables with bars: *usage* by day and by stream. Both add up to the month. */
export function showUsage(usage) {
  say(byId("usage-month"), `${bytes(usage.bytes)} in ${usage.month}: ${bytes(usage.received)} received, ${bytes(usage.sent)} sent.`);
  const bars = (body, parts, name) => {
    const most = Math.max(1, ...parts.map((part) => part.bytes));
    fillRows(body, parts, "Nothing was published or watched.", (part) => [
      name(part),
      make("meter", { className: "plain", min: 0, max: 1, value: part.bytes / most, ariaLabel: bytes(part.bytes) }),
      bytes(part.bytes),
    ]);
  };
  bars(byId("usage-days"), usage.days, (part) => (part.day ? dayOf(part.day) : "Not assigned"));
  bars(byId("usage-streams"), usage.streams, (part) =>
    part.stream_id ? part.label || make("span", { className: "mono", textContent: part.stream_id }) : "Not assigned",
  );
}

/** What *replies* of the dry run say, one a block. */
export function showDryRun(name, replies) {
  const shown = byId("dry-run");
  shown.replaceChildren(
    make("h3", { textContent: `Would it work now? ${name}` }),
    ...replies.map((reply) => make("div", {}, verdict(reply), make("ul", { className: "checks" }, ...reply.checks.map(check)))),
  );
  shown.hidden = false;
  shown.focus();
}

function verdict({ action, protocol, would, node, region, waits_seconds: waits, refusal, retry_after: after }) {
  const what = `${action === "publish" ? "Publishing" : "Watching"} by ${protocol.toUpperCase()}`;
  if (would === "admit") {
    const waiting = waits > 0 ? `, after a wait of ${waits.toFixed(1)} s for the publisher that fell silent` : "";
    return make("p", { textContent: `${what} would be admitted on ${node} (${region})${waiting}.` });
  }
  const again = after ? ` Try again in ${after} s.` : "";
  return make(
    "p",
    {},
    `${what} would be refused: ${refusal.error}. `,
    make("a", { href: `/docs#${refusal.code}`, textContent: refusal.code, className: "mono" }),
    again,
  );
}

function check({ check: name, passed, saw }) {
  const [mark, meaning] = MARKS.get(passed);
  const sign = make("span", { textContent: mark, ariaHidden: "true" });
  const item = make("li", {}, sign, make("span", {}, make("strong", { textContent: CHECKS[name] ?? name }), ` ${meaning}. `, passed === null ? "" : saw));
  item.dataset.passed = String(passed);
  return item;
}
