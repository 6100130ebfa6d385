/** The wall: several seeds under the same sliders, live, from one forward pass of the network. */

import { button, h, iconButton } from "../elements/dom.js";
import { options } from "../elements/form.js";
import { changed } from "../picture/edit.js";

const SIDES = [2, 3, 4];
const SIDE = "latentwalk.wall";
const LARGEST_RANDOM = 1_000_000;
const LARGEST_SEED = 2 ** 32 - 1;

class Wall {
  #page;
  /** @type {number[]} */
  #seeds = [];
  /** @type {Set<number>} seeds that stay when the others are rolled */
  #pinned = new Set();
  #side = Number(localStorage.getItem(SIDE)) || (matchMedia("(max-width: 819px)").matches ? 2 : 3);
  #cells = h("ol", { className: "wall-cells", "aria-label": "Pictures of the wall" });
  #field = h("input", { type: "text", className: "wall-seeds", autocomplete: "off", spellcheck: false, "aria-label": "Seeds" });
  #newest = { rev: 0, settled: false };

  /**
   * @param {Page} page
   * @param {HTMLElement} host
   */
  constructor(page, host) {
    this.#page = page;
    const names = SIDES.map((side) => /** @type {[string, string]} */ ([String(side), `${side} × ${side}`]));
    const sides = h("select", { "aria-label": "Size of the wall" }, ...options(names, String(this.#side)));
    sides.addEventListener("change", (event) => {
      event.stopPropagation();
      this.#side = Number(/** @type {HTMLSelectElement} */ (event.target).value);
      localStorage.setItem(SIDE, String(this.#side));
      this.#fill();
    });
    this.#field.addEventListener("change", () => this.#typed());
    const roll = iconButton("dice", "Roll", { showName: true, title: "Other seeds, except the pinned", onclick: () => this.#roll() });
    const sheet = iconButton("download", "Sheet", {
      showName: true,
      title: "Download the wall as one PNG with its seeds",
      onclick: () => page.attempt(() => this.#download()),
    });
    host.append(this.#cells, h("div", { className: "wall-tools" }, sides, this.#field, roll, sheet));
    const { seed } = page.session.edit.base;
    this.#seeds = seed === undefined ? [] : [seed];
    page.live.spread = (edit) => this.#seeds.map((one) => changed(edit, { base: { seed: one } }));
    this.#fill();
  }

  close() {
    this.#page.live.spread = null;
    this.#page.live.render(this.#page.session.edit);
  }

  /**
   * Draw a frame, whose image is the sheet of all cells.
   * @param {Frame} frame
   */
  async show({ rev, settled, blob }) {
    const columns = Math.ceil(Math.sqrt(this.#seeds.length));
    const bitmap = await createImageBitmap(blob);
    const outdated = rev < this.#newest.rev || (rev === this.#newest.rev && this.#newest.settled);
    if (!outdated) {
      this.#newest = { rev, settled };
      const rows = Math.ceil(this.#seeds.length / columns);
      const [wide, high] = [bitmap.width / columns, bitmap.height / rows];
      [...this.#cells.querySelectorAll("canvas")].forEach((canvas, number) => {
        if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
        const paper = canvas.getContext("2d", { alpha: false });
        paper?.drawImage(bitmap, (number % columns) * wide, Math.floor(number / columns) * high, wide, high, 0, 0, wide, high);
      });
      Object.assign(this.#cells.dataset, { rev, settled });
    }
    bitmap.close();
  }

  /** As many seeds as there are places, and a cell for each. */
  #fill() {
    const count = this.#side ** 2;
    const seeds = new Set(this.#seeds.slice(0, count));
    while (seeds.size < count) seeds.add(Math.floor(Math.random() * LARGEST_RANDOM));
    this.#arrange([...seeds]);
  }

  #roll() {
    const fresh = this.#seeds.map((seed) => (this.#pinned.has(seed) ? seed : Math.floor(Math.random() * LARGEST_RANDOM)));
    this.#arrange(fresh);
  }

  /** @param {number[]} seeds */
  #arrange(seeds) {
    this.#seeds = seeds;
    this.#cells.style.setProperty("--columns", String(Math.ceil(Math.sqrt(seeds.length))));
    this.#cells.replaceChildren(...seeds.map((seed, place) => this.#cell(seed, place)));
    this.#field.value = written(seeds);
    this.#page.live.render(this.#page.session.edit);
  }

  /**
   * @param {number} seed
   * @param {number} place
   */
  #cell(seed, place) {
    const picture = button(h("canvas", { "aria-hidden": "true" }), {
      className: "wall-picture",
      title: `Seed ${seed}: show it alone`,
      "aria-label": `Seed ${seed}: show it alone`,
      onclick: () => this.#adopt(seed),
    });
    const pin = iconButton("pin", `Pin seed ${seed}`, { className: "button icon-only wall-pin" });
    pin.setAttribute("aria-pressed", String(this.#pinned.has(seed)));
    pin.addEventListener("click", () => {
      if (!this.#pinned.delete(seed)) this.#pinned.add(seed);
      pin.setAttribute("aria-pressed", String(this.#pinned.has(seed)));
    });
    const cell = h("li", { draggable: true, "data-seed": seed }, picture, pin);
    cell.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#side, ArrowDown: this.#side }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      if (event.altKey) this.#move(place, place + by);
      this.#focus(place + by);
    });
    cell.addEventListener("dragstart", (event) => event.dataTransfer?.setData("text/x-wall", String(place)));
    cell.addEventListener("dragover", (event) => event.preventDefault());
    cell.addEventListener("drop", (event) => {
      const from = event.dataTransfer?.getData("text/x-wall");
      if (!from) return;
      event.preventDefault();
      event.stopPropagation();
      this.#move(Number(from), place);
    });
    return cell;
  }

  /**
   * Exchange two places.
   * @param {number} from
   * @param {number} to
   */
  #move(from, to) {
    const [one, other] = [this.#seeds[from], this.#seeds[to]];
    if (one === undefined || other === undefined) return;
    const seeds = [...this.#seeds];
    [seeds[from], seeds[to]] = [other, one];
    this.#arrange(seeds);
  }

  /** @param {number} place */
  #focus(place) {
    /** @type {HTMLElement | null | undefined} */ (this.#cells.children[place]?.querySelector(".wall-picture"))?.focus();
  }

  /** @param {number} seed */
  #adopt(seed) {
    const { attempt, modes, session } = this.#page;
    session.seed(seed);
    attempt(() => modes.show(null));
  }

  #typed() {
    const seeds = read(this.#field.value);
    if (!seeds) {
      this.#page.toasts.say("Seeds are numbers and ranges, such as 1-9 or 4, 8, 15.", { kind: "problem" });
      this.#field.value = written(this.#seeds);
      return;
    }
    const room = SIDES.find((side) => side ** 2 >= seeds.length) ?? 4;
    this.#side = room;
    this.#arrange(seeds.slice(0, 16));
  }

  async #download() {
    const { api, session } = this.#page;
    const href = URL.createObjectURL(await api.grid(session.edit, this.#seeds));
    Object.assign(document.createElement("a"), { href, download: `${session.edit.generator}-wall.png` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }
}

/**
 * Seeds as they are typed: neighbours as a range.
 * @param {number[]} seeds
 */
function written(seeds) {
  const first = seeds[0] ?? 0;
  const range = seeds.length > 2 && seeds.every((seed, place) => seed === first + place);
  return range ? `${first}-${seeds.at(-1)}` : seeds.join(", ");
}

/**
 * The seeds of a text such as "1-9, 12", each once; null for any other text.
 * @param {string} text
 */
function read(text) {
  /** @type {Set<number>} */
  const seeds = new Set();
  for (const part of text.split(",")) {
    const found = /^\s*(\d+)(?:\s*[-–]\s*(\d+))?\s*$/.exec(part);
    if (!found) return null;
    const [low, high] = [Number(found[1]), Number(found[2] ?? found[1])];
    if (high < low || high > LARGEST_SEED || high - low > 255) return null;
    for (let seed = low; seed <= high; seed++) seeds.add(seed);
  }
  return [...seeds];
}

/**
 * Open the wall in the place of the picture.
 * @param {Page} page
 * @param {HTMLElement} host
 */
export function open(page, host) {
  return new Wall(page, host);
}
