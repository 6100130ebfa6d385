/** The parts of forms that several panels share: labelled fields, choices, numbers, names and submit buttons. */

import { button, h } from "./dom.js";

/**
 * A label above its input; the input has an id.
 * @param {string} name
 * @param {HTMLElement} input
 */
export function field(name, input) {
  return h("div", { className: "field" }, h("label", { htmlFor: input.id }, name), input);
}

/**
 * A named group of `radio`s side by side.
 * @param {string} name
 * @param {...HTMLElement} radios
 */
export function choice(name, ...radios) {
  return h("fieldset", { className: "choice" }, h("legend", {}, name), h("div", {}, ...radios));
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} label
 * @param {boolean} checked
 */
export function radio(name, value, label, checked) {
  return h("label", {}, h("input", { type: "radio", name, value, checked }), h("span", {}, label));
}

/**
 * @param {HTMLElement} input
 * @param {string} label
 */
export function check(input, label) {
  return h("label", { className: "check" }, input, label);
}

/**
 * @param {string} id
 * @param {number} min
 * @param {number} max
 * @param {number} [value]
 * @param {number} [step]
 */
export function number(id, min, max, value, step = 1) {
  return h("input", { id, type: "number", min, max, step, value, required: true });
}

/**
 * A field for the name something is kept under.
 * @param {string} id
 * @param {string} [value]
 */
export function nameInput(id, value = "") {
  const pattern = "[a-z][a-z0-9_]{0,39}";
  return h("input", { id, type: "text", pattern, required: true, autocomplete: "off", spellcheck: false, value });
}

/** @type {Record<string, string>} */
const SPELLED_OUT = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", ø: "oe", å: "aa", œ: "oe", ł: "l" };

/**
 * A free name from a file's; `usual` where nothing is left of it.
 * @param {string} file
 * @param {Set<string>} taken
 * @param {string} usual
 */
export function freeName(file, taken, usual) {
  const plain = file
    .replace(/\.[^.]*$/, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/[äöüßæøåœł]/g, (letter) => SPELLED_OUT[letter])
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "");
  return untaken((plain || usual).slice(0, 36), taken);
}

/**
 * The title of something that comes from a file, with the letters of its name.
 * @param {string} file
 */
export function titleOf(file) {
  const words = file.replace(/\.[^.]*$/, "").replace(/[\s_-]+/g, " ").trim();
  return (words.charAt(0).toUpperCase() + words.slice(1)).slice(0, 80);
}

/**
 * A name, with a number where it is taken.
 * @param {string} name
 * @param {Set<string>} taken
 */
export function untaken(name, taken) {
  let [free, count] = [name, 2];
  while (taken.has(free)) free = `${name}_${count++}`;
  return free;
}

/**
 * The options of a select from [value, text] pairs.
 * @param {(readonly [string | number, string])[]} pairs
 * @param {string | number | null} [chosen]
 */
export function options(pairs, chosen) {
  return pairs.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
}

/** @param {string} label */
export function submit(label) {
  return button(label, { type: "submit", className: "button primary" });
}

/**
 * Run something when a form is sent, which stays on the page and within the form.
 * @param {HTMLFormElement} form
 * @param {() => unknown} run
 */
export function onSubmit(form, run) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    run();
  });
}
