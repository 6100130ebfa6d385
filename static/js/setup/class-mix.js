/** <class-mix>: the share of each class in the picture: a pad to drag on and a bar for every class. */

import { shares } from "../picture/edit.js";
import { button, h, icon, s } from "../elements/dom.js";
import { Component } from "../elements/component.js";

const RADIUS = 78;
const MIDDLE = 110;

/** Emits `input` while a bar or the pad is dragged and `change` at the end; read `weights` then. */
export class ClassMix extends Component {
  /** @type {string[]} */
  #names = [];
  /** @type {Map<string, {bar: HTMLInputElement, output: HTMLElement, row: HTMLElement}>} */
  #rows = new Map();
  #knob = s("circle", { class: "knob", r: 8 });
  #summary = h("span", { className: "share" });
  #pad = s("svg", { class: "pad", viewBox: "0 0 220 220", "aria-hidden": "true" });
  /** @type {Weights} */
  weights = Object.freeze({});

  /** @param {ImageGenerator} generator */
  set generator(generator) {
    this.hidden = generator.classes.length === 0;
    if (this.childElementCount && this.#names.join() === generator.classes.join()) return;
    this.#names = generator.classes;
    this.#build();
  }

  /**
   * Follow an edit of the generator set before.
   * @param {Edit} edit
   * @param {ImageGenerator} generator
   */
  show(edit, generator) {
    const mix = shares(edit, generator);
    this.weights = Object.freeze(Object.fromEntries(Object.entries(mix).filter(([, share]) => share > 0)));
    let [x, y] = [0, 0];
    for (const [name, { bar, output }] of this.#rows) {
      const percent = Math.round(mix[name] * 100);
      if (document.activeElement !== bar) bar.value = String(percent);
      bar.style.setProperty("--at", String(mix[name]));
      bar.setAttribute("aria-valuetext", `${name}, ${percent} per cent of the mix`);
      output.textContent = `${percent} %`;
      const [cornerX, cornerY] = this.#corner(this.#names.indexOf(name));
      x += cornerX * mix[name];
      y += cornerY * mix[name];
    }
    const mixed = Object.entries(mix)
      .filter(([, share]) => share >= 0.005)
      .sort((a, b) => b[1] - a[1]);
    this.#summary.textContent =
      mixed
        .map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
        .slice(0, 2)
        .join(", ") + (mixed.length > 2 ? " …" : "");
    this.#knob.setAttribute("cx", String(x));
    this.#knob.setAttribute("cy", String(y));
  }

  #build() {
    this.#rows = new Map(this.#names.map((name) => [name, this.#row(name)]));
    const corners = this.#names.map((_, index) => this.#corner(index));
    const outline = s("polygon", { class: "outline", points: corners.map((corner) => corner.join(",")).join(" ") });
    const spokes = corners.map(([x, y]) => s("line", { class: "spoke", x1: MIDDLE, y1: MIDDLE, x2: x, y2: y }));
    const names = corners.map(([x, y], index) => {
      const [outX, outY] = [MIDDLE + (x - MIDDLE) * 1.17, MIDDLE + (y - MIDDLE) * 1.17];
      const anchor = Math.abs(outX - MIDDLE) < 8 ? "middle" : outX > MIDDLE ? "start" : "end";
      return s("text", { x: outX, y: outY + 4, "text-anchor": anchor, "data-class": this.#names[index] }, this.#names[index]);
    });
    this.#pad.replaceChildren(outline, ...spokes, ...names, this.#knob);
    const list = h("ul", { className: "shares" }, ...[...this.#rows.values()].map(({ row }) => row));
    const padded = this.#names.length > 2;
    const bars = h(
      "details",
      { className: "mix", open: !padded },
      h("summary", {}, "Shares", this.#summary, icon("chevron")),
      list,
    );
    this.replaceChildren(h("h3", { className: "field-name" }, "Class mix"), ...(padded ? [this.#pad] : []), bars);
  }

  connectedCallback() {
    this.#pad.addEventListener("pointerdown", (event) => {
      const label = /** @type {Element} */ (event.target).closest("[data-class]");
      const only = label?.getAttribute("data-class");
      if (only) return this.#emit({ [only]: 1 }, "change"); // a name means the whole class, not its place on the pad
      this.#pad.setPointerCapture(event.pointerId);
      this.#point(event, "input");
    });
    this.#pad.addEventListener(
      "pointermove",
      (event) => this.#pad.hasPointerCapture(event.pointerId) && this.#point(event, "input"),
    );
    this.#pad.addEventListener(
      "pointerup",
      (event) => this.#pad.hasPointerCapture(event.pointerId) && this.#point(event, "change"),
    );
  }

  /** @param {string} name */
  #row(name) {
    const only = button(name, { className: "only", title: `Only ${name}` });
    const bar = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": `Share of ${name}` });
    const output = h("span", { className: "share" });
    only.addEventListener("click", () => this.#emit({ [name]: 1 }, "change"));
    for (const type of ["input", "change"]) {
      bar.addEventListener(type, (event) => {
        event.stopPropagation();
        this.#emit(this.#withShare(name, Number(bar.value) / 100), type);
      });
    }
    return { bar, output, row: h("li", {}, only, bar, output) };
  }

  // A bar sets its own share; what is left is dealt to the others as they stood to each other.
  /**
   * @param {string} name
   * @param {number} share
   */
  #withShare(name, share) {
    const others = Object.entries(this.weights).filter(([one]) => one !== name);
    const total = others.reduce((sum, [, weight]) => sum + weight, 0);
    if (!total) return { [name]: 1 };
    return {
      ...Object.fromEntries(others.map(([one, weight]) => [one, (weight / total) * (1 - share)])),
      [name]: share,
    };
  }

  /**
   * @param {number} index
   * @returns {Point}
   */
  #corner(index) {
    const turn = (index / this.#names.length) * 2 * Math.PI - Math.PI / 2;
    const [x, y] = [MIDDLE + RADIUS * Math.cos(turn), MIDDLE + RADIUS * Math.sin(turn)];
    return [Number(x.toFixed(2)), Number(y.toFixed(2))];
  }

  /**
   * @param {PointerEvent} event
   * @param {string} type
   */
  #point(event, type) {
    const box = this.#pad.getBoundingClientRect();
    const scale = 220 / box.width;
    /** @type {Point} */
    const point = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    this.#emit(this.#weightsAt(point), type);
  }

  // Wachspress coordinates: weights of a point in a convex polygon, smooth inside and linear along the edges.
  /** @param {Point} point */
  #weightsAt(point) {
    const corners = this.#names.map((_, index) => this.#corner(index));
    const inside = pulledIn(point, corners);
    /**
     * @param {Point} a
     * @param {Point} b
     * @param {Point} c
     */
    const area = (a, b, c) => Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;
    const count = corners.length;
    const raw = corners.map((corner, index) => {
      const before = corners[(index + count - 1) % count] ?? corner;
      const after = corners[(index + 1) % count] ?? corner;
      return area(before, corner, after) / Math.max(area(before, corner, inside) * area(corner, after, inside), 1e-3);
    });
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return Object.fromEntries(this.#names.map((name, index) => [name, raw[index] / total]));
  }

  /**
   * @param {Record<string, number>} weights
   * @param {string} type
   */
  #emit(weights, type) {
    const rounded = Object.entries(weights).map(([name, weight]) => ({ name, weight: Number(weight.toFixed(3)) }));
    const kept = rounded.filter(({ weight }) => weight >= 0.005);
    this.weights = Object.freeze(Object.fromEntries(kept.map(({ name, weight }) => [name, weight])));
    this.emit(type);
  }
}

// The nearest place inside a regular polygon, along the line to its middle.
/**
 * @param {Point} point
 * @param {Point[]} corners
 * @returns {Point}
 */
function pulledIn([x, y], corners) {
  const apothem = RADIUS * Math.cos(Math.PI / corners.length);
  const [dx, dy] = [x - MIDDLE, y - MIDDLE];
  const furthest = Math.max(
    ...corners.map(([cornerX, cornerY], index) => {
      const [nextX, nextY] = corners[(index + 1) % corners.length] ?? [cornerX, cornerY];
      const [normalX, normalY] = [(cornerX + nextX) / 2 - MIDDLE, (cornerY + nextY) / 2 - MIDDLE];
      return (dx * normalX + dy * normalY) / apothem;
    }),
  );
  const shrink = furthest > apothem * 0.999 ? (apothem * 0.999) / furthest : 1;
  return [MIDDLE + dx * shrink, MIDDLE + dy * shrink];
}

customElements.define("class-mix", ClassMix);
