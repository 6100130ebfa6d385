/** The parts of forms that several panels share: a labelled field, and a choice among a few. */

import { h } from "./dom.js";

/** A label above its input; the input has an id. */
export function field(name, input) {
  return h("div", { className: "field" }, h("label", { htmlFor: input.id }, name), input);
}

/** A named group of `radio`s side by side. */
export function choice(name, ...radios) {
  return h("fieldset", { className: "choice" }, h("legend", {}, name), h("div", {}, ...radios));
}

export function radio(name, value, label, checked) {
  return h("label", {}, h("input", { type: "radio", name, value, checked }), h("span", {}, label));
}
