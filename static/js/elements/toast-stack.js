/** <toast-stack>: short messages that disappear by themselves, announced politely, each with an optional action. */

import { Component } from "./component.js";
import { button, h, icon, iconButton } from "./dom.js";

const SHORT = 5000;
const LONG = 12000; // problems stay longer: they must be read
const MOST = 4;

export class ToastStack extends Component {
  /** @type {WeakMap<HTMLElement, () => void>} what removes each toast */
  #leave = new WeakMap();

  get #toasts() {
    return /** @type {HTMLElement[]} */ ([...this.children]);
  }

  /**
   * Say something. `kind` is "done" or "problem"; `action` is {label, run}; `unused` runs once when it leaves without
   * its action. The same sentence is not said twice.
   * @param {string} sentence
   * @param {{kind?: string, action?: {label: string, run: () => unknown} | null, unused?: (() => unknown) | null}} [parts]
   */
  say(sentence, { kind = "done", action = null, unused = null } = {}) {
    for (const same of this.#toasts) if (same.dataset.sentence === sentence) this.#leave.get(same)?.();
    const close = iconButton("close", "Dismiss", { onclick: () => leave() });
    const text = h("p", {}, sentence);
    const toast = h(
      "div",
      { className: `toast ${kind}`, "data-sentence": sentence },
      kind === "problem" ? icon("warn") : null,
      text,
    );
    const leave = () => {
      if (toast.isConnected) unused?.();
      toast.remove();
    };
    this.#leave.set(toast, leave);
    if (action) {
      const offer = button(action.label);
      offer.addEventListener("click", () => {
        toast.remove();
        action.run();
      });
      toast.append(offer);
    }
    toast.append(close);
    this.append(toast);
    for (const old of this.#toasts.slice(0, -MOST)) this.#leave.get(old)?.();
    this.#leaveLater(toast, kind === "problem" || action ? LONG : SHORT, leave);
  }

  connectedCallback() {
    this.setAttribute("role", "status");
    this.setAttribute("aria-live", "polite");
  }

  /**
   * @param {HTMLElement} toast
   * @param {number} after
   * @param {() => void} leave
   */
  #leaveLater(toast, after, leave) {
    let timer = setTimeout(leave, after);
    const wait = () => clearTimeout(timer);
    const goOn = () => (timer = setTimeout(leave, after));
    toast.addEventListener("pointerenter", wait);
    toast.addEventListener("focusin", wait);
    toast.addEventListener("pointerleave", goOn);
    toast.addEventListener("focusout", goOn);
  }
}

customElements.define("toast-stack", ToastStack);
