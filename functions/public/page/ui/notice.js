// The card that explains a refusal and offers the ways on.

import { make } from "./dom.js";

/** One notice in *container*; showing another replaces it. */
export class Notice {
  #container;
  #level;
  #timer = null;
  #onAuto = null;

  /** *level* of its heading: one below the heading that *container* stands under. */
  constructor(container, level = 2) {
    this.#container = container;
    this.#level = level;
    container.tabIndex = -1;
  }

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
   * Show *explanation* with a button for each `{label, run, wait}` of *buttons*; one with *wait* seconds opens then.
   * With *auto* (seconds), *onAuto* runs by itself when they are over. Focus goes to the card, so that a keyboard is
   * one Tab from its first button and a screen reader reads it once.
   */
  show({ code, title, text }, buttons, { auto = null, onAuto = () => {}, focus = true } = {}) {
    this.clear();
    const heading = make(`h${this.#level}`, { textContent: title });
    const countdown = make("p", { className: "countdown", hidden: true });
    countdown.setAttribute("aria-hidden", "true");
    const row = make("div", { className: "actions" });
    const waiting = [];
    buttons.forEach(({ label, run, wait = 0 }, i) => {
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
    const card = make("section", { className: "notice", tabIndex: -1 }, heading, make("p", { textContent: text }));
    card.dataset.code = code;
    card.setAttribute("role", "alert");
    card.append(countdown, row, make("p", { className: "code", textContent: code }));
    this.#container.append(card);
    this.#onAuto = auto === null ? null : onAuto;
    let left = auto;
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
    if (focus) {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    }
  }
}
