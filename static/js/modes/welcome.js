/** The first minute of a first visit: one slider sways by itself, and a sentence says what this is and what to try. */

import { $, h, iconButton } from "../elements/dom.js";

const WORDS =
  "A neural network draws this picture. Every slider was learned from the network itself, and measured: drag one, and see where it stops.";

/**
 * Show the sentence, and sway the active slider until anything is touched; with reduced motion it stays at rest.
 * @param {Pick<Page, "store" | "sway">} parts
 */
export function welcome({ store, sway }) {
  const close = iconButton("close", "Dismiss", { onclick: () => sentence.remove() });
  const sentence = h("p", { className: "welcome" }, h("span", {}, WORDS), close);
  $(".stage-tools").before(sentence);
  const { activeSlider } = store.state;
  if (!activeSlider || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  sway.start(activeSlider);
  const done = new AbortController();
  const stop = () => {
    done.abort();
    sway.stop(activeSlider);
  };
  for (const type of ["pointerdown", "keydown", "wheel"]) {
    addEventListener(type, stop, { signal: done.signal, capture: true, passive: true });
  }
}
