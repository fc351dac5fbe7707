// What the overview does with a refusal: of a stream's state, or of the account.

import { Refusal } from "../http.js";
import { explain } from "../text/refusals.js";

/** @typedef {import("../ui/notice.js").Notice} Notice */

/**
 * Show *error* in *notice*; what is no refusal is thrown on. *input*: the field that was wrong; *forget*: gives up what was asked
 * for, because it is not there or not allowed; *focus*: a person has just asked.
 * @param {unknown} error
 * @param {Notice} notice
 * @param {{input: HTMLInputElement, retry: () => unknown, forget: () => void, focus: boolean}} asked
 */
export function showRefusal(error, notice, { input, retry, forget, focus }) {
  if (!(error instanceof Refusal)) {
    throw error;
  }
  const told = explain(error, "account");
  /** @type {Partial<Record<import("../text/refusals.js").Action, import("../ui/notice.js").Choice>>} */
  const choices = {
    "edit-token": { label: "Edit the token", run: () => input.focus() },
    "change-stream": { label: "Correct the id", run: () => input.focus() },
    retry: { label: "Try again", run: retry, wait: told.retryAfter ?? 0 },
  };
  // A refresh that failed once says so and leaves what is shown; the next one clears it.
  if (error.status === 401 || error.status === 404) {
    forget();
  }
  notice.show(told, told.actions.flatMap((name) => choices[name] ?? []), { focus });
}
