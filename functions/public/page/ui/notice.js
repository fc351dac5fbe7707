// The card that explains a refusal and offers the ways on.

import { make } from "./dom.js";

/** @typedef {import("../text/pasted.js").Problem} Problem */

/**
 * A button of a notice: what it does, and the seconds until it opens.
 * @typedef {{label: string, run: () => unknown, wait?: number}} Choice
 */

/** One notice in a container, or none; showing another replaces it. */
export class Notice {
  #container;
  /** @type {"h2" | "h3"} */
  #heading;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {(() => unknown) | null} */
  #onAuto = null;

  /**
   * *heading*: one level below the heading that *container* stands under.
   * @param {HTMLElement} container
   * @param {"h2" | "h3"} [heading]
   */
  constructor(container, heading = "h2") {
    this.#container = container;
    this.#heading = heading;
    container.tabIndex = -1;
  }

  /** Take the notice away, with what it would do by itself. */
  clear() {
    clearInterval(this.#timer);
    this.#onAuto = null;
    const focused = this.#container.contains(document.activeElement);
    this.#container.replaceChildren();
    if (focused) {
      this.#container.focus({ preventScroll: true }); // or a keyboard would begin at the top of the page again
    }
  }

  /** Do now what was to be done by itself later; nothing where nothing was. */
  hurry() {
    const run = this.#onAuto;
    if (run) {
      this.clear();
      run();
    }
  }

  /**
   * Show *problem* with a button for each of *choices*; one with a wait opens when it is over.
   * With *auto* (seconds), *onAuto* runs by itself when they are over. Focus goes to the card, so that a keyboard is
   * one Tab from its first button and a screen reader reads it once.
   * @param {Problem} problem
   * @param {Choice[]} choices
   * @param {{auto?: number | null, onAuto?: () => unknown, focus?: boolean}} [options]
   */
  show({ code, title, text }, choices, { auto = null, onAuto = () => {}, focus = true } = {}) {
    this.clear();
    const heading = make(this.#heading, { textContent: title });
    const countdown = make("p", { className: "countdown", hidden: true });
    countdown.setAttribute("aria-hidden", "true");
    const row = make("div", { className: "actions" });
    const waiting = this.#buttons(row, choices);
    const card = make("section", { className: "notice", tabIndex: -1 }, heading, make("p", { textContent: text }));
    card.dataset.code = code;
    card.setAttribute("role", "alert");
    card.append(countdown, row, make("p", { className: "code", textContent: code }));
    this.#container.append(card);
    this.#onAuto = auto === null ? null : onAuto;
    this.#count(countdown, waiting, auto);
    if (focus) {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    }
  }

  /**
   * Put a button for each of *choices* into *row*; those that have to wait, with the seconds that are left.
   * @param {HTMLElement} row
   * @param {Choice[]} choices
   */
  #buttons(row, choices) {
    /** @type {{button: HTMLButtonElement, label: string, left: number}[]} */
    const waiting = [];
    choices.forEach(({ label, run, wait = 0 }, i) => {
      const button = make("button", { type: "button", textContent: label, className: i === 0 ? "primary" : "" });
      button.addEventListener("click", () => {
        this.clear();
        run();
      });
      if (wait > 0) {
        button.disabled = true;
        waiting.push({ button, label, left: wait });
      }
      row.append(button);
    });
    return waiting;
  }

  /**
   * Count the seconds down, on the buttons that wait and for what happens by itself after *auto*.
   * @param {HTMLElement} countdown
   * @param {{button: HTMLButtonElement, label: string, left: number}[]} waiting
   * @param {number | null} auto
   */
  #count(countdown, waiting, auto) {
    let left = auto;
    /** @param {boolean} first */
    const tick = (first) => {
      for (const one of waiting) {
        one.left -= first ? 0 : 1;
        one.button.disabled = one.left > 0;
        one.button.textContent = one.left > 0 ? `${one.label} (in ${one.left} s)` : one.label;
      }
      if (left !== null) {
        left -= first ? 0 : 1;
        countdown.hidden = false;
        countdown.textContent = `Trying again in ${Math.max(0, left)} s`;
        if (left <= 0) {
          this.hurry();
        }
      } else if (waiting.every((one) => one.left <= 0)) {
        clearInterval(this.#timer);
      }
    };
    if (left !== null || waiting.length > 0) {
      tick(true);
      this.#timer = setInterval(tick, 1000, false);
    }
  }
}
