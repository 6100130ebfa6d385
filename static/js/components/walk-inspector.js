/** <walk-inspector>: the keyframe or key in hand as exact numbers, and what can be done with it. */

import { freshId, h, iconButton } from "../dom.js";
import { describe, parseAmount } from "../units.js";
import { onTrack } from "../edit.js";
import {
  duplicated,
  found,
  fromZero,
  held,
  moved,
  moves,
  pace,
  removed,
  replaced,
  swapped,
  timed,
} from "../walk.js";
import { rekeyed, unkeyed } from "../tracks.js";

/** Emits `alter` {walk, label, settled, key}, and `replace` to take the picture on show into the keyframe. */
export class WalkInspector extends HTMLElement {
  #hint = h("p", { className: "fine hint", tabIndex: -1 });
  #title = h("span", { className: "title" });
  #at = number("At", "s");
  #hold = number("Rest", "s");
  #way = number("To next", "s");
  #amount = h("input", { type: "text", inputMode: "decimal", id: freshId("walk"), autocomplete: "off" });
  #amountField = h("div", { className: "number" }, h("label", { htmlFor: this.#amount.id }, "Amount"), this.#amount);
  #easing = h("select", { id: freshId("walk") });
  #easingField = h("div", { className: "number" }, h("label", { htmlFor: this.#easing.id }, "Easing"), this.#easing);
  #replace = h("button", { type: "button", className: "button outlined", title: "Take the picture on show (U)" }, "Update");
  #earlier = iconButton("earlier", "Exchange with the one before", { title: "Exchange with the one before (Alt ←)" });
  #later = iconButton("later", "Exchange with the one after", { title: "Exchange with the one after (Alt →)" });
  #copy = iconButton("copy", "Duplicate the keyframe", { title: "Duplicate (D)" });
  #remove = iconButton("trash", "Delete", { title: "Delete (Delete)" });
  #shown = null;
  #typing = null;

  set easings(easings) {
    this.#easing.replaceChildren(...Object.entries(easings).map(([value, name]) => h("option", { value }, name)));
  }

  /** Whether the picture on show is no longer the keyframe's. */
  set differs(differs) {
    this.#replace.classList.toggle("primary", differs);
  }

  /** Show what is in hand. */
  show({ walk, chosen, directions }) {
    this.#shown = { walk, chosen, directions };
    const thing = found(walk, chosen);
    const focused = this.contains(document.activeElement);
    this.toggleAttribute("empty", !thing);
    if (!thing) {
      if (focused) this.#hint.focus();
      return;
    }
    const stop = chosen.track === null;
    const index = stop ? walk.stops.indexOf(thing) : 0;
    const next = stop && (index < walk.stops.length - 1 || (walk.play === "loop" && moves(walk)));
    const direction = directions.find(({ id }) => id === chosen.track);
    this.#title.textContent = stop ? `Keyframe ${index + 1} of ${walk.stops.length}` : (direction?.name ?? chosen.track);
    this.#way.label.textContent = index < walk.stops.length - 1 ? "To next" : "Way back";
    this.#write(this.#at.input, thing.at);
    this.#write(this.#hold.input, thing.hold);
    if (next) this.#write(this.#way.input, pace(walk, thing.id));
    if (!stop && direction) this.#write(this.#amount, describe(direction.unit, thing.amount));
    this.#easing.value = thing.easing;
    this.#at.input.disabled = stop && index === 0 && walk.stops.length === 1;
    for (const part of [this.#hold.field, this.#replace, this.#earlier, this.#later, this.#copy]) part.hidden = !stop;
    this.#way.field.hidden = !next;
    this.#easingField.hidden = stop && !next;
    this.#amountField.hidden = stop;
    this.#earlier.disabled = index === 0;
    this.#later.disabled = index === walk.stops.length - 1;
  }

  connectedCallback() {
    if (this.childElementCount) return;
    this.#hint.textContent = "Add the picture on show as a keyframe, change it, add the next. Or begin with a preset.";
    this.append(
      this.#hint,
      this.#title,
      this.#at.field,
      this.#hold.field,
      this.#way.field,
      this.#amountField,
      this.#easingField,
      h("div", { className: "row" }, this.#replace, this.#earlier, this.#later, this.#copy, this.#remove),
    );
    this.addEventListener("input", ({ target }) => (this.#typing = target));
    this.addEventListener("change", () => (this.#typing = null), { capture: true });
    this.addEventListener("focusout", () => (this.#typing = null));
    const fromField = (input, change, label) =>
      input.addEventListener("change", () => {
        const value = input.valueAsNumber;
        if (Number.isFinite(value)) this.#alter(change(this.#shown.walk, this.#shown.chosen, value), label);
        else this.show(this.#shown);
      });
    const stop = (run) => (walk, { id }, value) => run(walk, id, value);
    fromField(this.#at.input, place, "Moved in time");
    fromField(this.#hold.input, stop(held), "Rest");
    fromField(this.#way.input, stop(timed), "Duration");
    this.#easing.addEventListener("change", () => this.#ease(this.#easing.value));
    this.#amount.addEventListener("change", () => this.#typed());
    this.#replace.addEventListener("click", () => this.dispatchEvent(new Event("replace", { bubbles: true })));
    this.#earlier.addEventListener("click", () => this.#swap(-1));
    this.#later.addEventListener("click", () => this.#swap(1));
    this.#copy.addEventListener("click", () =>
      this.#alter(duplicated(this.#shown.walk, this.#shown.chosen.id), "Keyframe duplicated"),
    );
    this.#remove.addEventListener("click", () => this.#delete());
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #ease(easing) {
    const { walk, chosen } = this.#shown;
    const { track, id } = chosen;
    this.#alter(track === null ? replaced(walk, id, { easing }) : rekeyed(walk, track, id, { easing }), "Easing");
  }

  #typed() {
    const { walk, chosen, directions } = this.#shown;
    const direction = directions.find(({ id }) => id === chosen.track);
    const amount = parseAmount(this.#amount.value);
    if (amount === null || (direction.unit.scale === "log" && amount <= 0)) return this.show(this.#shown);
    this.#alter(rekeyed(walk, chosen.track, chosen.id, { amount: onTrack(direction, amount) }), `${direction.name} in time`);
  }

  #swap(by) {
    this.#alter(swapped(this.#shown.walk, this.#shown.chosen.id, by), "Keyframes exchanged");
  }

  #delete() {
    const { walk, chosen } = this.#shown;
    const { track, id } = chosen;
    this.#alter(track === null ? removed(walk, id) : unkeyed(walk, track, id), track === null ? "Keyframe deleted" : "Key deleted");
  }

  #write(input, value) {
    if (this.#typing !== input) input.value = value;
  }

  #alter(walk, label) {
    this.dispatchEvent(new CustomEvent("alter", { detail: { walk, label, settled: true, key: "" }, bubbles: true }));
  }
}

function place(walk, { track, id }, at) {
  return track === null ? fromZero(moved(walk, id, at)) : rekeyed(walk, track, id, { at });
}

function number(name, unit) {
  const input = h("input", { type: "number", id: freshId("walk"), min: 0, max: 3600, step: 0.05, autocomplete: "off" });
  const label = h("label", { htmlFor: input.id }, name);
  return { input, label, field: h("div", { className: "number" }, label, input, h("span", { className: "fine" }, unit)) };
}

customElements.define("walk-inspector", WalkInspector);
