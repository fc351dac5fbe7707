// What the control plane says to "would it work now?", with all that it looked at.

import { byId, make } from "../ui/dom.js";

/** @typedef {import("../api.js").DryRun} DryRun */
/** @typedef {import("../api.js").Check} Check */

/** @type {Record<string, string>} */
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

/**
 * Show what *replies* say, one a block, under the *name* of the key.
 * @param {string} name
 * @param {DryRun[]} replies
 */
export function showDryRun(name, replies) {
  const shown = byId("dry-run", HTMLElement);
  shown.replaceChildren(
    make("h3", { textContent: `Would it work now? ${name}` }),
    ...replies.map((reply) => make("div", {}, answer(reply), make("ul", { className: "checks" }, ...reply.checks.map(line)))),
  );
  shown.hidden = false;
  shown.focus();
}

/** @param {DryRun} reply */
function answer({ action, protocol, would, node, region, waits_seconds: waits, refusal, retry_after: after }) {
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

/** @param {Check} check */
function line({ check, passed, saw }) {
  const [mark, meaning] = passed === null ? ["–", "not asked"] : passed ? ["✓", "passed"] : ["✕", "failed"];
  const sign = make("span", { textContent: mark, ariaHidden: "true" });
  const name = make("strong", { textContent: CHECKS[check] ?? check });
  const item = make("li", {}, sign, make("span", {}, name, ` ${meaning}. `, passed === null ? "" : saw));
  item.dataset.passed = String(passed);
  return item;
}
