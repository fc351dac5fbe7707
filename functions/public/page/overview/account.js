// The owner's account: usage, live streams, keys, refusals and limits, kept fresh.
//
// The account token stays in its password field and in Authorization headers; it is not stored.

import * as api from "../api.js";
import { bytes, clock, kbps } from "../text/format.js";
import { notAToken, pasted } from "../text/pasted.js";
import { byId, describe, fillRows, make, markInvalid, say } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { showDryRun } from "./dry-run.js";
import { showRefusal } from "./refused.js";
import { showUsage } from "./usage.js";

/** @type {Record<string, string>} */
const TIERS = {
  anonymous: "Free, no account",
  registered: "Registered",
  solo_creator: "Solo Creator",
  creator_plus: "Creator Plus",
  studio_pro: "Studio Pro",
};

/** The month's bytes are asked for anew so often: nodes report every five seconds, and nobody watches a day grow. */
const USAGE_MS = 30_000;

/** @param {number} seconds since 1970 */
const moment = (seconds) =>
  new Date(seconds * 1000).toLocaleString(undefined, {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });

/** @param {number} seconds since 1970 */
const day = (seconds) =>
  new Date(seconds * 1000).toLocaleDateString(undefined, { day: "numeric", month: "long", timeZone: "UTC" });

/** The part of the overview that shows one account to whoever has its token. */
export class AccountCard {
  #form = byId("account-form", HTMLFormElement);
  #input = byId("account-token", HTMLInputElement);
  #shown = byId("account", HTMLElement);
  #status = byId("account-status", HTMLElement);
  #notice = new Notice(byId("account-notice", HTMLElement), "h3");
  /** @type {string | null} */
  #token = null;
  /** @type {{token: string, at: number, answer: api.Usage} | null} */
  #usage = null;

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitted();
    });
    byId("forget-account", HTMLButtonElement).addEventListener("click", () => this.#forget());
  }

  /** Show the account as it is now; *first*: a person has just asked, and is told. Nothing while no token was given. */
  async refresh({ first = false } = {}) {
    const token = this.#token;
    if (!token) {
      return;
    }
    try {
      const [account, { keys }, { refusals }, usage] = await Promise.all([
        api.account(token),
        api.accountKeys(token),
        api.accountRefusals(token),
        this.#monthUsage(token),
      ]);
      if (this.#token !== token) {
        return;
      }
      this.#notice.clear();
      this.#form.hidden = true;
      this.#shown.hidden = false;
      this.#showAccount(account);
      this.#showKeys(keys);
      showRefusals(refusals);
      showUsage(usage);
      if (first) {
        say(this.#status, `Account ${account.account} is shown.`);
        this.#shown.focus();
      }
    } catch (error) {
      this.#refused(error, first, () => {
        this.#token = null;
        this.#shown.hidden = true;
        this.#form.hidden = false;
        markInvalid(this.#input, true);
      });
    }
  }

  #submitted() {
    const problem = notAToken(this.#input.value);
    markInvalid(this.#input, problem !== null);
    if (problem) {
      this.#notice.show(problem, [{ label: "Correct it", run: () => this.#input.focus() }]);
      return;
    }
    this.#token = String(pasted(this.#input.value).value);
    this.refresh({ first: true });
  }

  #forget() {
    this.#token = null;
    this.#input.value = "";
    this.#usage = null;
    byId("dry-run", HTMLElement).replaceChildren();
    this.#shown.hidden = true;
    this.#form.hidden = false;
    say(this.#status, "The token was forgotten.");
    this.#input.focus();
  }

  /**
   * @param {unknown} error
   * @param {boolean} focus
   * @param {() => void} forget
   */
  #refused(error, focus, forget) {
    showRefusal(error, this.#notice, { input: this.#input, retry: () => this.refresh({ first: true }), forget, focus });
  }

  /** @param {string} token */
  async #monthUsage(token) {
    if (this.#usage?.token !== token || Date.now() - this.#usage.at > USAGE_MS) {
      this.#usage = { token, at: Date.now(), answer: await api.accountUsage(token) };
    }
    return this.#usage.answer;
  }

  /** @param {api.Account} account */
  #showAccount({ account, tier, limits, usage, streams }) {
    say(byId("account-name", HTMLElement), account);
    say(byId("account-tier", HTMLElement), TIERS[tier] ?? tier);
    showQuota(usage);
    say(byId("streams-count", HTMLElement), `${streams.length} of ${limits.streams} live`);
    fillRows(byId("live-streams", HTMLTableSectionElement), streams, "Nothing is live.", (stream) => [
      make("a", { href: `/watch/${stream.stream_id}`, textContent: stream.stream_id, className: "mono" }),
      `${stream.viewers} of ${stream.limit}`,
      stream.since ? clock(Date.now() / 1000 - stream.since) : "–",
      kbps(stream.kbps ?? null),
      stream.node ?? "–",
    ]);
    describe(byId("account-limits", HTMLElement), [
      ["Streams at a time", String(limits.streams)],
      ["Viewers a stream", String(limits.viewers)],
      ["Bitrate", kbps(limits.kbps)],
      ["Protocols", limits.protocols.map((name) => name.toUpperCase()).join(", ")],
    ]);
  }

  /** @param {api.Key[]} keys */
  #showKeys(keys) {
    fillRows(byId("account-keys", HTMLTableSectionElement), keys, "There are no keys.", (key) => [
      make("a", { href: `/watch/${key.stream_id}`, textContent: key.stream_id, className: "mono" }),
      key.label || "–",
      key.created ? day(key.created) : "–",
      key.live ? "Live" : "Off",
      this.#dryRunButton(key),
    ]);
  }

  /** @param {api.Key} key */
  #dryRunButton({ stream_id: stream, label }) {
    const button = make("button", { type: "button", className: "link", textContent: "Would it work now?" });
    button.dataset.stream = stream;
    button.addEventListener("click", async () => {
      const token = this.#token ?? "";
      try {
        const asked = ["publish", "play"].map((action) => api.dryRun(token, { action, stream_id: stream }));
        showDryRun(label || stream, await Promise.all(asked));
      } catch (error) {
        this.#refused(error, true, () => {});
      }
    });
    return button;
  }
}

/** @param {api.Account["usage"]} usage */
function showQuota(usage) {
  const share = usage.quota_bytes ? usage.bytes / usage.quota_bytes : 1;
  byId("usage-meter", HTMLMeterElement).value = Math.min(1, share);
  say(byId("usage-text", HTMLElement), `${bytes(usage.bytes)} of ${bytes(usage.quota_bytes)}`);
  say(byId("usage-percent", HTMLElement), `${usage.percentage_used} %`);
  say(
    byId("usage-note", HTMLElement),
    usage.blocked
      ? `The month's bandwidth is used up. Publishing opens again on ${day(usage.resets_at)}.`
      : `Counts anew on ${day(usage.resets_at)} (UTC).`,
  );
  byId("usage", HTMLElement).classList.toggle("spent", usage.blocked || share >= 0.95);
}

/** @param {api.PastRefusal[]} refusals */
function showRefusals(refusals) {
  const body = byId("account-refusals", HTMLTableSectionElement);
  fillRows(body, refusals, "No key was refused within a day.", (refusal) => [
    moment(refusal.at),
    make(
      "span",
      {},
      make("a", { href: `/docs#${refusal.code}`, textContent: refusal.code, className: "mono" }),
      refusal.say ? make("span", { className: "hint block", textContent: refusal.say }) : null,
    ),
    refusal.label || make("span", { textContent: refusal.stream_id, className: "mono" }),
    refusal.protocol.toUpperCase(),
    refusal.address,
  ]);
}
