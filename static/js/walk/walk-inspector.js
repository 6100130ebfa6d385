/** <walk-inspector>: the selected keyframe or key as exact numbers, and the buttons that change it. */

import { options } from "../elements/form.js";
import { button, freshId, h, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { describe, parseAmount } from "../sliders/units.js";
import { onTrack } from "../picture/edit.js";
import { duplicated, found, fromZero, held, moved, moves, pace, removed, replaced, swapped, timed } from "./walk.js";
import { rekeyed, unkeyed } from "./tracks.js";

/** Emits `alter` {walk, label, settled, key}, and `replace` to put the current picture into the keyframe. */
export class WalkInspector extends Component {
  #hint = h("p", { className: "fine hint", tabIndex: -1 });
  #title = h("span", { className: "title" });
  #at = seconds("At");
  #hold = seconds("Hold");
  #way = seconds("To next");
  #amount = labelled("Amount", h("input", { type: "text", inputMode: "decimal", autocomplete: "off" }));
  #easing = labelled("Easing", h("select"));
  #replace = button("Update", {
    className: "button outlined",
    title: "Replace the keyframe by the current picture (U)",
    onclick: () => this.tell("replace"),
  });
  #earlier = iconButton("earlier", "Swap with the previous keyframe", {
    title: "Swap with the previous keyframe (Alt ←)",
    onclick: () => this.#swap(-1),
  });
  #later = iconButton("later", "Swap with the next keyframe", {
    title: "Swap with the next keyframe (Alt →)",
    onclick: () => this.#swap(1),
  });
  #copy = iconButton("copy", "Duplicate the keyframe", {
    title: "Duplicate (D)",
    onclick: () => this.#alter(duplicated(this.#shown.walk, this.#chosen.id), "Keyframe duplicated"),
  });
  #remove = iconButton("trash", "Delete", { title: "Delete (Delete)", onclick: () => this.#delete() });
  /** @type {{walk: Walk, chosen: Place | null, directions: Direction[]}} */
  #shown;
  /** @type {EventTarget | null} */
  #typing = null;

  /** @param {Record<string, string>} easings */
  set easings(easings) {
    this.#easing.input.replaceChildren(...options(Object.entries(easings)));
  }

  /**
   * Whether the current picture differs from the keyframe.
   * @param {boolean} differs
   */
  set differs(differs) {
    this.#replace.classList.toggle("primary", differs);
  }

  /** @param {{walk: Walk, chosen: Place | null, directions: Direction[]}} parts */
  show({ walk, chosen, directions }) {
    this.#shown = { walk, chosen, directions };
    const thing = found(walk, chosen);
    const focused = this.contains(document.activeElement);
    this.toggleAttribute("empty", !thing);
    if (!thing || !chosen) {
      if (focused) this.#hint.focus();
      return;
    }
    const stop = chosen.track === null;
    const index = stop ? walk.stops.findIndex(({ id }) => id === thing.id) : 0;
    const next = stop && (index < walk.stops.length - 1 || (walk.play === "loop" && moves(walk)));
    const direction = directions.find(({ id }) => id === chosen.track);
    this.#title.textContent = stop ? `Keyframe ${index + 1} of ${walk.stops.length}` : (direction?.name ?? chosen.track);
    this.#way.label.textContent = index < walk.stops.length - 1 ? "To next" : "Time back";
    this.#write(this.#at.input, thing.at);
    this.#write(this.#hold.input, thing.hold);
    if (next) this.#write(this.#way.input, pace(walk, thing.id));
    if ("amount" in thing && direction) this.#write(this.#amount.input, describe(direction.unit, thing.amount));
    this.#easing.input.value = thing.easing;
    this.#at.input.disabled = stop && index === 0 && walk.stops.length === 1;
    for (const part of [this.#hold.field, this.#replace, this.#earlier, this.#later, this.#copy]) part.hidden = !stop;
    this.#way.field.hidden = !next;
    this.#easing.field.hidden = stop && !next;
    this.#amount.field.hidden = stop;
    this.#earlier.disabled = index === 0;
    this.#later.disabled = index === walk.stops.length - 1;
  }

  build() {
    this.#hint.textContent = "Add the current picture as a keyframe, change it and add the next, or start from a preset.";
    this.append(
      this.#hint,
      this.#title,
      this.#at.field,
      this.#hold.field,
      this.#way.field,
      this.#amount.field,
      this.#easing.field,
      h("div", { className: "row" }, this.#replace, this.#earlier, this.#later, this.#copy, this.#remove),
    );
    this.addEventListener("input", ({ target }) => (this.#typing = target));
    this.addEventListener("change", () => (this.#typing = null), { capture: true });
    this.addEventListener("focusout", () => (this.#typing = null));
    /**
     * @param {HTMLInputElement} input
     * @param {(walk: Walk, place: Place, value: number) => Walk} change
     * @param {string} label
     */
    const fromField = (input, change, label) =>
      input.addEventListener("change", () => {
        const value = input.valueAsNumber;
        if (Number.isFinite(value)) this.#alter(change(this.#shown.walk, this.#chosen, value), label);
        else this.show(this.#shown);
      });
    /** @param {(walk: Walk, id: number, value: number) => Walk} run */
    const atKeyframe = (run) => /** @type {(walk: Walk, place: Place, value: number) => Walk} */ (
      (walk, { id }, value) => run(walk, id, value)
    );
    fromField(this.#at.input, place, "Moved in time");
    fromField(this.#hold.input, atKeyframe(held), "Hold");
    fromField(this.#way.input, atKeyframe(timed), "Duration");
    this.#easing.input.addEventListener("change", () => this.#ease(/** @type {Easing} */ (this.#easing.input.value)));
    this.#amount.input.addEventListener("change", () => this.#typed());
    this.keepChanges();
  }

  /** The selected place; every command needs one. */
  get #chosen() {
    return /** @type {Place} */ (this.#shown.chosen);
  }

  /** @param {Easing} easing */
  #ease(easing) {
    const { walk } = this.#shown;
    const { track, id } = this.#chosen;
    this.#alter(track === null ? replaced(walk, id, { easing }) : rekeyed(walk, track, id, { easing }), "Easing");
  }

  #typed() {
    const { walk, directions } = this.#shown;
    const { track, id } = this.#chosen;
    const direction = directions.find((one) => one.id === track);
    if (!direction || track === null) return;
    const amount = parseAmount(this.#amount.input.value, direction.unit);
    if (amount === null) this.show(this.#shown);
    else this.#alter(rekeyed(walk, track, id, { amount: onTrack(direction, amount) }), `Key of ${direction.name}`);
  }

  /** @param {number} by */
  #swap(by) {
    this.#alter(swapped(this.#shown.walk, this.#chosen.id, by), "Keyframes swapped");
  }

  #delete() {
    const { walk } = this.#shown;
    const { track, id } = this.#chosen;
    this.#alter(track === null ? removed(walk, id) : unkeyed(walk, track, id), track === null ? "Keyframe deleted" : "Key deleted");
  }

  /**
   * @param {HTMLInputElement} input
   * @param {string | number} value
   */
  #write(input, value) {
    if (this.#typing !== input) input.value = String(value);
  }

  /**
   * @param {Walk} walk
   * @param {string} label
   */
  #alter(walk, label) {
    this.tell("alter", { walk, label, settled: true, key: "" });
  }
}

/**
 * @param {Walk} walk
 * @param {Place} place
 * @param {number} at
 */
function place(walk, { track, id }, at) {
  return track === null ? fromZero(moved(walk, id, at)) : rekeyed(walk, track, id, { at });
}

/** @param {string} name */
function seconds(name) {
  const made = labelled(name, h("input", { type: "number", min: 0, max: 3600, step: 0.05, autocomplete: "off" }));
  made.field.append(h("span", { className: "fine" }, "s"));
  return made;
}

/**
 * @template {HTMLInputElement | HTMLSelectElement} Input
 * @param {string} name
 * @param {Input} input
 */
function labelled(name, input) {
  input.id = freshId("walk");
  const label = h("label", { htmlFor: input.id }, name);
  return { input, label, field: h("div", { className: "number" }, label, input) };
}

customElements.define("walk-inspector", WalkInspector);
