// What the stack sees: any stream's public state, and the owner's account with its usage, live streams, keys and refusals.
//
// The account token stays in its password field and in Authorization headers; it is not stored.

import * as api from "../api.js";
import { byId, describe, every, fillList, fillRows, make, markInvalid, say } from "../ui/dom.js";
import { bytes, clock, count, kbps, streamIdIn } from "../text/format.js";
import { Notice } from "../ui/notice.js";
import { showDryRun, showUsage } from "./usage.js";
import { explain } from "../text/refusals.js";
import { notAStream, notAToken, pasted } from "../text/pasted.js";
import { Refusal } from "../webrtc/session.js";

const TIERS = {
  anonymous: "Free, no account",
  registered: "Registered",
  solo_creator: "Solo Creator",
  creator_plus: "Creator Plus",
  studio_pro: "Studio Pro",
};

const ago = (since) => clock(Date.now() / 1000 - since);
const moment = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(undefined, { day: "numeric", month: "long", timeZone: "UTC" });

export class OverviewView {
  #token = null;
  #looked = null;
  #poll = null;
  #usage = null;
  #lookNotice = new Notice(byId("lookup-notice"), 3);
  #accountNotice = new Notice(byId("account-notice"), 3);

  /** *ownStream* names the stream that this page publishes, or null. */
  constructor(ownStream) {
    this.ownStream = ownStream;
    byId("lookup-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#lookUp(byId("lookup-id").value);
    });
    byId("account-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = byId("account-token");
      const problem = notAToken(input.value);
      markInvalid(input, problem !== null);
      if (problem) {
        this.#accountNotice.show(problem, [{ label: "Correct it", run: () => input.focus() }]);
        return;
      }
      this.#token = pasted(input.value).value;
      this.#showAccount({ first: true });
    });
    byId("forget-account").addEventListener("click", () => {
      this.#token = null;
      byId("account-token").value = "";
      this.#usage = null;
      byId("dry-run").replaceChildren();
      byId("account").hidden = true;
      byId("account-form").hidden = false;
      say(byId("account-status"), "The token was forgotten.");
      byId("account-token").focus();
    });
  }

  /** The view is shown: keep what it shows fresh. */
  enter() {
    const own = this.ownStream();
    if (own && !byId("lookup-id").value) {
      byId("lookup-id").value = own;
      this.#looked = own;
    }
    this.#poll ??= every(3000, async () => {
      await Promise.all([this.#looked && this.#showStream(), this.#token && this.#showAccount()]);
    });
  }

  leave() {
    this.#poll?.stop();
    this.#poll = null;
  }

  async #lookUp(text) {
    this.#looked = streamIdIn(text);
    const input = byId("lookup-id");
    markInvalid(input, !this.#looked);
    if (!this.#looked) {
      byId("stream-state").hidden = true;
      this.#lookNotice.show(
        { ...notAStream(text), title: "This is not a stream id" },
        [{ label: "Correct it", run: () => input.focus() }],
      );
      return;
    }
    await this.#showStream({ first: true });
  }

  async #showStream({ first = false } = {}) {
    const id = this.#looked;
    try {
      const { live, viewers, limit, since, problems = [] } = await api.streamState(id);
      this.#lookNotice.clear();
      byId("stream-state").hidden = false;
      byId("stream-state").dataset.live = String(live);
      say(byId("stream-live"), live ? "Live" : "Offline");
      describe(byId("stream-facts"), [
        ["Stream", id],
        ["Viewers", `${viewers} of ${limit}`],
        ["Live for", live && since ? ago(since) : "–"],
      ]);
      fillList(byId("stream-problems"), problems.map((problem) => problem.say));
      byId("stream-watch").href = `/watch/${id}`;
      if (first) {
        say(byId("lookup-status"), live ? `The stream is live with ${count(viewers, "viewer")}.` : "The stream is offline.");
      }
    } catch (error) {
      this.#refused(error, this.#lookNotice, first, () => {
        byId("stream-state").hidden = true;
        this.#looked = null;
      });
    }
  }

  async #showAccount({ first = false } = {}) {
    const token = this.#token;
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
      this.#accountNotice.clear();
      byId("account-form").hidden = true;
      byId("account").hidden = false;
      this.#fill(account, keys, refusals);
      showUsage(usage);
      if (first) {
        say(byId("account-status"), `Account ${account.account} is shown.`);
        byId("account").focus();
      }
    } catch (error) {
      this.#refused(error, this.#accountNotice, first, () => {
        this.#token = null;
        byId("account").hidden = true;
        byId("account-form").hidden = false;
        byId("account-token").setAttribute("aria-invalid", "true");
      });
    }
  }

  /** The month's bytes, asked for anew every half minute: nodes report every five seconds, and nobody watches a day grow. */
  async #monthUsage(token) {
    if (this.#usage?.token !== token || Date.now() - this.#usage.at > 30_000) {
      this.#usage = { token, at: Date.now(), answer: await api.accountUsage(token) };
    }
    return this.#usage.answer;
  }

  #dryRunButton({ stream_id: stream, label }) {
    const button = make("button", { type: "button", className: "link", textContent: "Would it work now?" });
    button.dataset.stream = stream;
    button.addEventListener("click", async () => {
      const token = this.#token;
      try {
        const asked = ["publish", "play"].map((action) => api.dryRun(token, { action, stream_id: stream }));
        showDryRun(label || stream, await Promise.all(asked));
      } catch (error) {
        this.#refused(error, this.#accountNotice, true, () => {});
      }
    });
    return button;
  }

  #fill({ account, tier, limits, usage, streams }, keys, refusals) {
    say(byId("account-name"), account);
    say(byId("account-tier"), TIERS[tier] ?? tier);
    const share = usage.quota_bytes ? usage.bytes / usage.quota_bytes : 1;
    const meter = byId("usage-meter");
    meter.value = Math.min(1, share);
    say(byId("usage-text"), `${bytes(usage.bytes)} of ${bytes(usage.quota_bytes)}`);
    say(byId("usage-percent"), `${usage.percentage_used} %`);
    say(
      byId("usage-note"),
      usage.blocked
        ? `The month's bandwidth is used up. Publishing opens again on ${day(usage.resets_at)}.`
        : `Counts anew on ${day(usage.resets_at)} (UTC).`,
    );
    byId("usage").classList.toggle("spent", usage.blocked || share >= 0.95);
    say(byId("streams-count"), `${streams.length} of ${limits.streams} live`);
    fillRows(byId("live-streams"), streams, "Nothing is live.", (stream) => [
      make("a", { href: `/watch/${stream.stream_id}`, textContent: stream.stream_id, className: "mono" }),
      `${stream.viewers} of ${stream.limit}`,
      stream.since ? ago(stream.since) : "–",
      kbps(stream.kbps ?? null),
      stream.node ?? "–",
    ]);
    fillRows(byId("account-keys"), keys, "There are no keys.", (key) => [
      make("a", { href: `/watch/${key.stream_id}`, textContent: key.stream_id, className: "mono" }),
      key.label || "–",
      key.created ? day(key.created) : "–",
      key.live ? "Live" : "Off",
      this.#dryRunButton(key),
    ]);
    fillRows(byId("account-refusals"), refusals, "No key was refused within a day.", (refusal) => [
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
    describe(byId("account-limits"), [
      ["Streams at a time", String(limits.streams)],
      ["Viewers a stream", String(limits.viewers)],
      ["Bitrate", kbps(limits.kbps)],
      ["Protocols", limits.protocols.map((name) => name.toUpperCase()).join(", ")],
    ]);
  }

  #refused(error, notice, first, forget) {
    if (!(error instanceof Refusal)) {
      throw error;
    }
    const told = explain(error, "account");
    const input = notice === this.#accountNotice ? byId("account-token") : byId("lookup-id");
    const again = () => (notice === this.#accountNotice ? this.#showAccount({ first: true }) : this.#showStream({ first: true }));
    const effects = {
      "edit-token": { label: "Edit the token", run: () => input.focus() },
      "change-stream": { label: "Correct the id", run: () => input.focus() },
      retry: { label: "Try again", run: again, wait: told.retryAfter ?? 0 },
    };
    // A refresh that failed once says so and leaves what is shown; the next one clears it.
    if (error.status === 401 || error.status === 404) {
      forget();
    }
    notice.show(told, told.actions.map((name) => effects[name]).filter(Boolean), { focus: first });
  }
}
