/** Making elements without markup strings, so that nothing a person or a server named is ever read as HTML. */

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element. What is a property of it becomes one, every other name an attribute; children that are null are left out. */
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

export const $ = (selector) => document.querySelector(selector);

export function button(label, { className = "button", ...props } = {}, ...more) {
  return h("button", { type: "button", className, ...props }, label, ...more);
}

/** A definition list of [term, what it is] rows; a row without the latter is left out. */
export function definitions(rows, props) {
  const told = rows.filter(([, content]) => content);
  const pairs = told.flatMap(([term, ...content]) => [h("dt", {}, term), h("dd", {}, ...content)]);
  return h("dl", props, ...pairs);
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
  const drawing = s("path", { d: ICONS[name] });
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", "data-icon": name }, drawing);
}

/** A button with an icon and a name; the name is shown only with `showName`. */
export function iconButton(name, label, { showName = false, ...props } = {}) {
  const named = showName ? { title: props.title } : { "aria-label": label, title: props.title ?? label };
  const className = showName ? "button" : "button icon-only";
  return button(icon(name), { className, ...props, ...named }, showName ? h("span", {}, label) : null);
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

/** Mark an element as the one of its list that is meant now, or no longer. */
export function setCurrent(element, current, kind = "true") {
  if (current) element.setAttribute("aria-current", kind);
  else element.removeAttribute("aria-current");
}

/** Put children into an element unless they are there already; focus that is lost by it goes to `refuge`. */
export function arrange(element, children, refuge) {
  const there = [...element.children];
  if (children.length === there.length && children.every((child, index) => child === there[index])) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  element.replaceChildren(...children);
  if (focused) (focused.isConnected ? focused : refuge)?.focus({ preventScroll: true });
}

/** The children of an element under what they have in `data-<key>`. */
export function childrenBy(key, element) {
  return new Map([...element.children].map((child) => [child.dataset[key], child]));
}

/** A way to listen: what an event asks for is run with its detail, and `attempt` reports what that throws. */
export function listener(attempt) {
  return (target, type, run) => target.addEventListener(type, ({ detail }) => attempt(() => run(detail)));
}

/** A fresh id for labels and descriptions. */
export function freshId(prefix) {
  freshId.count = (freshId.count ?? 0) + 1;
  return `${prefix}-${freshId.count}`;
}

/** What every element of this page shares: it is built once, and tells in events what a person wants of it. */
export class Part extends HTMLElement {
  connectedCallback() {
    if (!this.childElementCount) this.build();
  }

  build() {}

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Tell whoever listens on it or on anything around it. */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  /** Say in a sentence why something cannot be done as asked. */
  remark(sentence) {
    this.tell("remark", sentence);
  }

  /** Keep the plain events of its fields inside: it says in its own what they mean. */
  keepChanges() {
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }
}

/** A part that lies over the page until it is closed. */
export class Modal extends Part {
  dialog = h("dialog", { className: "modal" });

  /** Lay out its title, the button that closes it, and what it shows. */
  fill(title, ...content) {
    const heading = h("h2", { id: freshId("modal") }, title);
    const close = iconButton("close", "Close", { onclick: () => this.dialog.close() });
    this.dialog.setAttribute("aria-labelledby", heading.id);
    this.dialog.replaceChildren(h("div", { className: "section-head" }, heading, close), ...content);
    this.append(this.dialog);
  }
}
