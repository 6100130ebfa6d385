/** Shows every error to the user in one way: as a message in a toast. */

import { inFull } from "./api.js";

/**
 * `report` shows an error; `attempt` runs work and reports what it throws.
 * @param {import("../elements/toast-stack.js").ToastStack} toasts
 */
export function errorReporter(toasts) {
  /** @param {unknown} error */
  function report(error) {
    const problem = /** @type {Problem & {name?: string}} */ (error);
    if (problem.name === "AbortError") return;
    if (problem.code === "unauthorized") location.reload(); // shows the sign-in page
    else toasts.say(inFull(problem), { kind: "problem" });
  }

  /**
   * @template T
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T | void>}
   */
  const attempt = (work) => Promise.resolve().then(work).catch(report);

  return { report, attempt };
}
