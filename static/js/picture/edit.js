/** Edit: everything that determines a picture, as a frozen value that is replaced and never changed. */

import { amountAt, clamp, coordinate, describe, tidy } from "../sliders/units.js";

export const LARGEST_SEED = 2 ** 32 - 1;
export const SEED_RULE = `A seed is a whole number from 0 to ${LARGEST_SEED}.`;

/** @param {string} text */
export const spellsSeed = (text) => /^\d+$/.test(text) && Number(text) <= LARGEST_SEED;

/**
 * A complete, deeply frozen edit from whatever parts are given.
 * @param {EditParts} parts
 */
export function edit(parts) {
  const { generator, base, classes = {}, truncation = 1, amounts = {}, layers = {}, hold = [] } = parts;
  const { cutoff = null, mean = "own", styles = {} } = parts;
  const value = { generator, base, classes, truncation, amounts, layers, hold, cutoff, mean, styles };
  Object.values(value).forEach(Object.freeze);
  return Object.freeze(value);
}

/**
 * @param {Edit} original
 * @param {Partial<Edit>} changes
 */
export function changed(original, changes) {
  return edit({ ...original, ...changes });
}

/** @param {Edit} original */
export function neutral(original) {
  return changed(original, { amounts: {} });
}

/**
 * `original` with one slider at `amount`; a neutral amount is left out.
 * @param {Edit} original
 * @param {Direction} direction
 * @param {number} amount
 */
export function withAmount(original, direction, amount) {
  const { [direction.id]: _, ...others } = original.amounts;
  const rests = Math.abs(coordinate(direction.unit, amount)) < 1e-9;
  return changed(original, { amounts: rests ? others : { ...others, [direction.id]: amount } });
}

/**
 * @param {Edit} original
 * @param {Direction} direction
 */
export function amountOf(original, direction) {
  return original.amounts[direction.id] ?? direction.unit.neutral;
}

/**
 * The nearest amount a slider can reach, without invisible digits.
 * @param {Direction} direction
 * @param {number} amount
 */
export function onTrack(direction, amount) {
  return clamp(tidy(direction.unit, amount), ...direction.track);
}

/**
 * `count` amounts spread evenly in effect over a slider's measured range, through neutral where that is inside.
 * @param {Direction} direction
 * @param {number} count
 */
export function spread(direction, count) {
  const { unit, range } = direction;
  const [low, high] = range.map((end) => coordinate(unit, end));
  const positions = Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));
  const nearest = positions.reduce((best, one, index) => (Math.abs(one) < Math.abs(positions[best]) ? index : best), 0);
  if (low < 0 && high > 0 && nearest > 0 && nearest < count - 1) positions[nearest] = 0;
  return positions.map((position) => onTrack(direction, amountAt(unit, position)));
}

/**
 * {edit, remarks}: the edit as this generator and these directions can show it, and a sentence for each change.
 * @param {Edit} original
 * @param {ImageGenerator} generator
 * @param {Direction[]} directions
 */
export function fitted(original, generator, directions) {
  /** @type {string[]} */
  const remarks = [];
  const known = new Map(directions.map((direction) => [direction.id, direction]));
  /**
   * @template T
   * @param {Readonly<Record<string, T>>} table
   * @param {(entry: [string, T]) => boolean} test
   * @returns {Record<string, T>}
   */
  const kept = (table, test) => Object.fromEntries(Object.entries(table).filter(test));
  /** @type {Record<string, number>} */
  const amounts = {};
  for (const [id, amount] of Object.entries(original.amounts)) {
    const direction = known.get(id);
    if (!direction) remarks.push(`${generator.title} has no slider “${id}” here, so it was ignored.`);
    else {
      amounts[id] = clamp(amount, ...direction.track);
      if (amounts[id] !== amount) {
        remarks.push(
          `${direction.name} was limited to the end of its track, ${describe(direction.unit, amounts[id])}.`,
        );
      }
    }
  }
  const classes = kept(original.classes, ([name]) => generator.classes.includes(name));
  if (Object.keys(classes).length < Object.keys(original.classes).length) {
    remarks.push(`${generator.title} does not have all of these classes, so some were ignored.`);
  }
  const hold = original.hold.filter((id) => known.has(id));
  /** @param {[string, Span]} entry */
  const inside = ([, [, stop]]) => stop <= generator.layers;
  const layers = kept(kept(original.layers, inside), ([id]) => known.has(id));
  const layered = generator.layers > 1;
  const styles = layered ? kept(original.styles, inside) : {};
  const cutoff = layered && original.cutoff !== null && original.cutoff <= generator.layers ? original.cutoff : null;
  const shown = { amounts, classes: weigh(classes) ? classes : {}, layers, hold, styles, cutoff };
  return { edit: changed(original, shown), remarks };
}

/**
 * Class weights as shares that sum to one: the edit's own, or the generator's default.
 * @param {Edit} original
 * @param {ImageGenerator} generator
 */
export function shares(original, generator) {
  const weights = weigh(original.classes) ? original.classes : generator.default_classes;
  const total = weigh(weights) || 1;
  return Object.fromEntries(generator.classes.map((name) => [name, (weights[name] ?? 0) / total]));
}

/** @param {Edit} edit */
function baseWords({ base }) {
  if (base.latent) return "projected picture";
  return base.seeds ? `a mix of ${Object.keys(base.seeds).length} seeds` : `seed ${base.seed}`;
}

/** @param {Edit} edit */
function styleWords({ styles }) {
  const seeds = Object.entries(styles).map(([seed, [first, stop]]) => `${seed} in layers ${first} to ${stop}`);
  return seeds.length ? `styles of ${seeds.join(" and ")}` : "";
}

/**
 * What the picture is, in one line, for captions and screen readers.
 * @param {Edit} original
 * @param {ImageGenerator} generator
 * @param {Direction[]} directions
 */
export function inWords(original, generator, directions) {
  const mix = Object.entries(shares(original, generator))
    .filter(([, share]) => share >= 0.005)
    .sort((a, b) => b[1] - a[1]);
  const classes = mix
    .slice(0, 3)
    .map(([name, share]) => (mix.length > 1 ? `${name} ${Math.round(share * 100)} %` : name));
  if (mix.length > 3) classes.push(`${mix.length - 3} more`);
  const moved = directions.filter(({ id }) => id in original.amounts);
  const sliders = moved.map(
    (direction) => `${direction.name} ${describe(direction.unit, original.amounts[direction.id])}`,
  );
  return [generator.title, baseWords(original), styleWords(original), classes.join(", "), ...sliders].filter(Boolean).join(" · ");
}

/** @param {Weights} weights */
function weigh(weights) {
  return Object.values(weights).reduce((total, weight) => total + Math.max(weight, 0), 0);
}
