/** Creates elements without markup strings, so that no text from people or servers is ever parsed as HTML. */

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Names of its properties set these, every other name sets an attribute; children that are null are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || !(name in element)) element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * The element of a selector, which the page is known to have.
 * @template {string} Selector
 * @param {Selector} selector
 * @returns {Selector extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Selector] : HTMLElement}
 */
export function $(selector) {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  // @ts-expect-error: the type of the result follows from the selector, which the compiler cannot see here
  return found;
}

/**
 * The element that an event comes from.
 * @param {Event} event
 */
export const elementOf = ({ target }) => (target instanceof Element ? target : document.documentElement);

/**
 * What a custom event carries. Its type is `any`: the class that emits the event documents it.
 * @param {Event} event
 * @returns {any}
 */
export const detailOf = (event) => /** @type {CustomEvent} */ (event).detail;

/**
 * @param {string | Node} label
 * @param {Props & {className?: string}} [props]
 * @param {...Child} more
 */
export function button(label, { className = "button", ...props } = {}, ...more) {
  return h("button", { type: "button", className, ...props }, label, ...more);
}

/**
 * A definition list of [term, ...content] rows; a row without content is left out.
 * @param {Child[][]} rows
 * @param {Props} [props]
 */
export function definitions(rows, props) {
  const told = rows.filter(([, first]) => first);
  const pairs = told.flatMap(([term, ...content]) => [h("dt", {}, term), h("dd", {}, ...content)]);
  return h("dl", props, ...pairs);
}

/**
 * An SVG element; every prop is an attribute.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * A line icon, hidden from screen readers: the control around it has the name.
 * @param {string} name
 */
export function icon(name) {
  const drawing = s("path", { d: ICONS[name] ?? "" });
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", "data-icon": name }, drawing);
}

/**
 * A button with an icon and a name; the name is shown only with `showName`.
 * @param {string} name
 * @param {string} label
 * @param {Props & {className?: string, showName?: boolean, title?: string}} [props]
 */
export function iconButton(name, label, { showName = false, ...props } = {}) {
  const named = showName ? { title: props.title } : { "aria-label": label, title: props.title ?? label };
  const className = showName ? "button" : "button icon-only";
  return button(icon(name), { className, ...props, ...named }, showName ? h("span", {}, label) : null);
}

/** Draw the icons that the markup of the page only names. */
export function drawIcons() {
  /** @type {NodeListOf<SVGElement>} */
  const empty = document.querySelectorAll("svg[data-icon]:empty");
  for (const one of empty) one.replaceWith(icon(one.dataset.icon ?? ""));
}

/**
 * Replace the icon of a button without rebuilding the button, which keeps its focus.
 * @param {HTMLElement} owner
 * @param {string} name
 */
export function setIcon(owner, name) {
  const old = owner.querySelector("svg");
  if (old && old.dataset.icon !== name) old.replaceWith(icon(name));
}

/**
 * Mark an element as the current one of its list, or no longer.
 * @param {Element} element
 * @param {boolean} current
 * @param {string} [kind]
 */
export function setCurrent(element, current, kind = "true") {
  if (current) element.setAttribute("aria-current", kind);
  else element.removeAttribute("aria-current");
}

/**
 * Put children into an element unless they are there already; focus that is lost goes to `refuge`.
 * @param {Element} element
 * @param {HTMLElement[]} children
 * @param {HTMLElement} [refuge]
 */
export function arrange(element, children, refuge) {
  const there = [...element.children];
  if (children.length === there.length && children.every((child, index) => child === there[index])) return;
  const focused = element.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  element.replaceChildren(...children);
  if (focused) (focused.isConnected ? focused : refuge)?.focus({ preventScroll: true });
}

/**
 * The children of an element by their `data-<key>`.
 * @param {string} key
 * @param {Element} element
 */
export function childrenBy(key, element) {
  const children = /** @type {HTMLElement[]} */ ([...element.children]);
  return new Map(children.map((child) => [child.dataset[key], child]));
}

/**
 * A function that listens to a custom event: it runs a handler with the event's detail and reports what this throws.
 * @param {Page["attempt"]} attempt
 */
export function listener(attempt) {
  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(detail: any) => unknown} run the detail is `any` for the reason that `detailOf` gives
   */
  return (target, type, run) => target.addEventListener(type, (event) => attempt(() => run(detailOf(event))));
}

let ids = 0;

/**
 * An unused id for labels and descriptions.
 * @param {string} prefix
 */
export const freshId = (prefix) => `${prefix}-${++ids}`;
