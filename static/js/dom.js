/** Making elements without markup strings, so that nothing a person or a server named is ever read as HTML. */

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Names with a dash, `role`, `for` and `class` become attributes, everything else a property.
 * @param {string} tag
 * @param {object} props
 * @param {...(Node|string|null)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || !(name in element)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An SVG element; every prop is an attribute. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A line icon, hidden from screen readers: the control it sits in has the name. */
export function icon(name) {
  const paths = ICONS[name].map((d) => s("path", { d }));
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", "data-icon": name }, ...paths);
}

/** A button with an icon and a name; the name is shown only with `showName`. */
export function iconButton(name, label, { showName = false, ...props } = {}) {
  const named = showName ? { title: props.title } : { "aria-label": label, title: props.title ?? label };
  const className = showName ? "button" : "button icon-only";
  return h(
    "button",
    { type: "button", className, ...props, ...named },
    icon(name),
    showName ? h("span", {}, label) : null,
  );
}

/** Draw the icons that the page's own markup only names. */
export function drawIcons() {
  for (const empty of document.querySelectorAll("svg[data-icon]:empty")) empty.replaceWith(icon(empty.dataset.icon));
}

/** Turn a button's icon into another without rebuilding the button (focus stays). */
export function setIcon(button, name) {
  const old = button.querySelector("svg");
  if (old.dataset.icon !== name) old.replaceWith(icon(name));
}

/** A fresh id for labels and descriptions. */
export function freshId(prefix) {
  freshId.count = (freshId.count ?? 0) + 1;
  return `${prefix}-${freshId.count}`;
}
