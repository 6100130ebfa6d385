/** The commands of one session: they change the edit, record the history and tell the live connection what to show. */

import { canonical } from "../picture/canonical.js";
import { amountOf, changed, edit, fitted, neutral, onTrack, withAmount } from "../picture/edit.js";
import { firstPicture } from "../picture/first-picture.js";
import { transferred, walkOn } from "../picture/transfer.js";
import { timelineOf, walkOf } from "../walk/timeline-json.js";
import { distinct, favourite } from "../sliders/directions.js";
import { describe } from "../sliders/units.js";
import { EMPTY } from "../walk/walk.js";

const LARGEST_RANDOM = 1_000_000; // short enough to read aloud; any seed can still be typed

/** Emits `remark` with a sentence whenever something asked for could not be done as asked. */
export class Session extends EventTarget {
  /** @type {Page["store"]} */ #store;
  /** @type {Page["history"]} */ #history;
  /** @type {Page["live"]} */ #live;
  /** @type {Page["api"]} */ #api;
  /** @type {Map<string, {edit: Edit, walk: Walk}>} */ #left = new Map();
  /** @type {Walk | null} the walk that came along to this generator, until it is changed here */
  #carried = null;

  /** @param {Pick<Page, "store" | "history" | "live" | "api">} parts */
  constructor({ store, history, live, api }) {
    super();
    this.#store = store;
    this.#history = history;
    this.#live = live;
    this.#api = api;
  }

  /**
   * The current edit. Commands run only once there is one.
   * @returns {Edit}
   */
  get edit() {
    return /** @type {Edit} */ (this.#store.state.edit);
  }

  get walk() {
    return this.#store.state.walk;
  }

  generator(name = this.edit?.generator) {
    return this.#store.state.generators.find((one) => one.name === name);
  }

  /** @param {string | null} id */
  direction(id) {
    return this.#store.state.directions.find((one) => one.id === id);
  }

  firstEdit() {
    const generator = this.#store.state.generators.find(({ installed }) => installed);
    return generator && firstPicture(generator);
  }

  /**
   * Show an edit of any installed generator, with a walk if one is given, and make it a step of the history.
   * @param {Edit} wanted
   * @param {string} label
   * @param {Walk} [walk]
   */
  async open(wanted, label, walk) {
    const shown = await this.#enter(wanted);
    if (shown) this.commit(shown, { label, walk });
    return Boolean(shown);
  }

  /**
   * Lay out a timeline and show its first keyframe; false where its generator is not here.
   * @param {Timeline} timeline
   * @param {string} label
   */
  openTimeline(timeline, label) {
    const { walk, output } = walkOf(timeline);
    if (Object.keys(output).length) this.#store.set({ output: { ...this.#store.state.output, ...output } });
    const [first] = walk.stops;
    if (!first) throw new Error("The recipe has no keyframes.");
    return this.open(first.edit, label, walk);
  }

  /** The walk as the timeline that the server renders. */
  timeline() {
    const { output, walk } = this.#store.state;
    return timelineOf(walk, this.edit.generator, output);
  }

  /** @param {Edit} next */
  preview(next) {
    this.#store.set({ edit: next, problem: null, visiting: false });
    this.#render();
  }

  /**
   * Show a moment of the walk; until a slider is moved it is the walk's, and no step of the history.
   * @param {EditParts} moment
   */
  visit(moment) {
    /** @param {[string, number]} entry */
    const rests = ([id, amount]) => amount === this.direction(id)?.unit.neutral;
    const amounts = Object.fromEntries(Object.entries(moment.amounts ?? {}).filter((one) => !rests(one)));
    const next = edit({ ...moment, amounts });
    if (canonical(next) === canonical(this.edit)) return this.#store.set({ visiting: true });
    this.#store.set({ edit: next, problem: null, visiting: true });
    this.#render();
  }

  /**
   * Change the walk and make it a step of the history; the picture stays. Quick steps with one `key` are one.
   * @param {Walk} walk
   * @param {{label: string, key: string}} parts
   */
  alterWalk(walk, { label, key }) {
    this.#store.set({ walk });
    if (this.#history.current?.walk !== walk) this.#history.commit({ edit: this.edit, walk }, label, key);
  }

  /**
   * Show an edit and make it a step of the history, unless it is the step we are at.
   * @param {Edit} next
   * @param {{label: string, key?: string, walk?: Walk}} parts
   */
  commit(next, { label, key, walk = this.walk }) {
    this.#store.set({ walk });
    this.preview(next);
    const here = this.#history.current;
    if (!here || canonical(here.edit) !== canonical(next) || here.walk !== walk) {
      this.#history.commit({ edit: next, walk }, label, key);
    }
  }

  /**
   * Move one slider; `settled` at the end of a drag or a step.
   * @param {string} id
   * @param {number} amount
   * @param {boolean} settled
   */
  move(id, amount, settled) {
    const direction = this.direction(id);
    if (!direction) return;
    const next = withAmount(this.edit, direction, onTrack(direction, amount));
    this.#store.set({ activeSlider: id });
    if (!settled) return this.preview(next);
    this.commit(next, {
      label: `${direction.name} ${describe(direction.unit, amountOf(next, direction))}`,
      key: `amount:${id}`,
    });
  }

  /**
   * @param {string} id
   * @param {boolean} held
   */
  hold(id, held) {
    const hold = this.edit.hold.filter((one) => one !== id);
    const label = `${this.direction(id)?.name} ${held ? "held" : "released"}`;
    this.commit(changed(this.edit, { hold: held ? [...hold, id].sort() : hold }), { label });
  }

  rest() {
    this.commit(neutral(this.edit), { label: "All sliders reset" });
  }

  /**
   * Another seed; steps from one to the next in quick succession share the `key` and are one change.
   * @param {number} seed
   * @param {string} [key]
   */
  seed(seed, key = "") {
    this.commit(changed(this.edit, { base: { seed } }), { label: `Seed ${seed}`, key });
  }

  roll() {
    this.seed(Math.floor(Math.random() * LARGEST_RANDOM));
  }

  /**
   * @param {number} truncation
   * @param {boolean} settled
   */
  truncate(truncation, settled) {
    const next = changed(this.edit, { truncation });
    if (settled) this.commit(next, { label: `Truncation ${truncation.toFixed(2)}`, key: "truncation" });
    else this.preview(next);
  }

  /**
   * @param {Weights} classes
   * @param {boolean} settled
   */
  mix(classes, settled) {
    const next = changed(this.edit, { classes });
    if (settled) this.commit(next, { label: "Class mix", key: "classes" });
    else this.preview(next);
  }

  /**
   * Show the base instead of the edit while `comparing`.
   * @param {boolean} comparing
   */
  compare(comparing) {
    if (comparing === this.#store.state.comparing) return;
    this.#store.set({ comparing });
    this.#render();
  }

  /** @param {string} name */
  async choose(name) {
    if (name === this.edit.generator) return;
    const left = this.#left.get(name);
    const { walk } = this;
    const back = left && (walk === this.#carried || !walk.stops.length) ? left : null;
    const wanted = back?.edit ?? transferred(this.edit, name);
    const shown = await this.#enter(wanted, (...there) => back?.walk ?? walkOn(walk, ...there));
    if (!shown) return;
    this.#carried = this.walk;
    this.commit(shown, { label: this.generator(name)?.title ?? name });
  }

  undo() {
    return this.#goTo(this.#history.undo());
  }

  redo() {
    return this.#goTo(this.#history.redo());
  }

  /** @param {number} id */
  goTo(id) {
    return this.#goTo(this.#history.goTo(id));
  }

  /** Read the sliders again, after one was learned, uploaded or removed. */
  async refreshDirections() {
    const { generator } = this.edit;
    const { directions: listed, damaged } = await this.#api.directions(generator);
    const directions = distinct(listed);
    if (generator !== this.edit.generator) return;
    const known = new Set(directions.map(({ id }) => id));
    this.#store.set({ directions, damaged });
    if (Object.keys(this.edit.amounts).some((id) => !known.has(id)) || this.edit.hold.some((id) => !known.has(id))) {
      this.#show(this.edit);
    }
    this.#render(); // a slider learned anew under its old name changes the picture of the same edit
  }

  /** @param {HistoryNode | null} node */
  async #goTo(node) {
    if (!node) return;
    const shown = await this.#enter(node.edit);
    if (!shown) return;
    this.#store.set({ walk: node.walk });
    this.preview(shown);
  }

  // Everything an edit of another generator needs is fetched before anything is replaced.
  /**
   * @param {Edit} wanted
   * @param {(generator: ImageGenerator, directions: Direction[]) => Walk} [walkFor] the walk on another generator
   */
  async #enter(wanted, walkFor) {
    const generator = this.generator(wanted.generator);
    if (!generator?.installed) {
      this.#remark(
        generator
          ? `This picture was made with ${generator.title}, which is not installed. Download it under Generator first.`
          : `This picture was made with “${wanted.generator}”, which this server does not have.`,
      );
      return null;
    }
    const same = this.edit?.generator === wanted.generator;
    const { directions: listed, damaged } = same ? this.#store.state : await this.#api.directions(wanted.generator);
    const directions = distinct(listed);
    const { edit: shown, remarks } = fitted(wanted, generator, directions);
    remarks.forEach((remark) => this.#remark(remark));
    if (same) return shown;
    if (this.edit) this.#left.set(this.edit.generator, { edit: this.edit, walk: this.walk });
    const walk = walkFor?.(generator, directions) ?? this.#left.get(wanted.generator)?.walk ?? EMPTY;
    this.#store.set({ directions, damaged, edit: shown, walk, activeSlider: favourite(directions), problem: null });
    return shown;
  }

  /** @param {Edit} wanted */
  #show(wanted) {
    const generator = this.generator(wanted.generator);
    if (generator) this.preview(fitted(wanted, generator, this.#store.state.directions).edit);
  }

  #render() {
    const { comparing, edit: shown } = this.#store.state;
    if (shown) this.#live.render(comparing ? neutral(shown) : shown);
  }

  /** @param {string} sentence */
  #remark(sentence) {
    this.dispatchEvent(new CustomEvent("remark", { detail: sentence }));
  }
}
