/** Edit: everything a picture depends on, as a frozen value, replaced and never patched; and edits read from outside. */

import { amountAt, clamp, coordinate, describe, tidy } from "./units.js";

export const LARGEST_SEED = 2 ** 32 - 1;
export const SEED_RULE = `A seed is a whole number from 0 to ${LARGEST_SEED}.`;

export const spellsSeed = (text) => /^\d+$/.test(text) && Number(text) <= LARGEST_SEED;

const FIELDS = ["generator", "base", "classes", "truncation", "amounts", "layers", "hold", "cutoff", "mean", "styles"];
const MEANS = ["own", "class", "all"];

/** A complete, deeply frozen edit from whatever parts are given. */
export function edit(parts) {
  const { generator, base, classes = {}, truncation = 1, amounts = {}, layers = {}, hold = [] } = parts;
  const { cutoff = null, mean = "own", styles = {} } = parts;
  const value = { generator, base, classes, truncation, amounts, layers, hold, cutoff, mean, styles };
  Object.values(value).forEach(Object.freeze);
  return Object.freeze(value);
}

export function changed(original, changes) {
  return edit({ ...original, ...changes });
}

export function neutral(original) {
  return changed(original, { amounts: {} });
}

/** `original` with one slider at `amount`; a neutral amount is left out. */
export function withAmount(original, direction, amount) {
  const { [direction.id]: _, ...others } = original.amounts;
  const rests = Math.abs(coordinate(direction.unit, amount)) < 1e-9;
  return changed(original, { amounts: rests ? others : { ...others, [direction.id]: amount } });
}

export function amountOf(original, direction) {
  return original.amounts[direction.id] ?? direction.unit.neutral;
}

/** The nearest amount a slider can reach, without invisible digits. */
export function onTrack(direction, amount) {
  return clamp(tidy(direction.unit, amount), ...direction.track);
}

/** `count` amounts spread evenly in effect over a slider's measured range, through neutral where that is inside. */
export function spread(direction, count) {
  const { unit, range } = direction;
  const [low, high] = range.map((end) => coordinate(unit, end));
  const positions = Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));
  const nearest = positions.reduce((best, one, index) => (Math.abs(one) < Math.abs(positions[best]) ? index : best), 0);
  if (low < 0 && high > 0 && nearest > 0 && nearest < count - 1) positions[nearest] = 0;
  return positions.map((position) => onTrack(direction, amountAt(unit, position)));
}

/** {edit, remarks}: the edit as this generator and these directions can show it, and a sentence for each change. */
export function fitted(original, generator, directions) {
  const remarks = [];
  const known = new Map(directions.map((direction) => [direction.id, direction]));
  const kept = (table, test) => Object.fromEntries(Object.entries(table).filter(test));
  const amounts = {};
  for (const [id, amount] of Object.entries(original.amounts)) {
    const direction = known.get(id);
    if (!direction) remarks.push(`${generator.title} has no slider “${id}” here, so it was left out.`);
    else {
      amounts[id] = clamp(amount, ...direction.track);
      if (amounts[id] !== amount) {
        remarks.push(
          `${direction.name} was brought back to the end of its track, ${describe(direction.unit, amounts[id])}.`,
        );
      }
    }
  }
  const classes = kept(original.classes, ([name]) => generator.classes.includes(name));
  if (Object.keys(classes).length < Object.keys(original.classes).length) {
    remarks.push(`${generator.title} does not have all of the classes named, so some were left out.`);
  }
  const hold = original.hold.filter((id) => known.has(id));
  const inside = ([, [, stop]]) => stop <= generator.layers;
  const layers = kept(kept(original.layers, inside), ([id]) => known.has(id));
  const layered = generator.layers > 1;
  const styles = layered ? kept(original.styles, inside) : {};
  const cutoff = layered && original.cutoff <= generator.layers ? original.cutoff : null;
  const shown = { amounts, classes: weigh(classes) ? classes : {}, layers, hold, styles, cutoff };
  return { edit: changed(original, shown), remarks };
}

/** Class weights as shares that sum to one: the edit's own, or the generator's default. */
export function shares(original, generator) {
  const weights = weigh(original.classes) ? original.classes : generator.default_classes;
  const total = weigh(weights) || 1;
  return Object.fromEntries(generator.classes.map((name) => [name, (weights[name] ?? 0) / total]));
}

function baseWords({ base }) {
  if (base.latent) return "from a picture brought in";
  return base.seeds ? `a mix of ${Object.keys(base.seeds).length} seeds` : `seed ${base.seed}`;
}

function styleWords({ styles }) {
  const seeds = Object.entries(styles).map(([seed, [first, stop]]) => `${seed} in layers ${first} to ${stop}`);
  return seeds.length ? `styles of ${seeds.join(" and ")}` : "";
}

/** What the picture is, in one line, for captions and screen readers. */
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

function weigh(weights) {
  return Object.values(weights).reduce((total, weight) => total + Math.max(weight, 0), 0);
}

// Edits from links, files and storage: whatever is not one is refused with a sentence.

/** An edit from decoded JSON; throws an Error with one sentence for anything else. */
export function parseEdit(data) {
  demand(isTable(data), "That is not an edit.");
  const unknown = Object.keys(data).find((name) => !FIELDS.includes(name));
  demand(unknown === undefined, `An edit has no “${unknown}”.`);
  const { generator, base, classes = {}, truncation = 1, amounts = {}, layers = {}, hold = [] } = data;
  const { cutoff = null, mean = "own", styles = {} } = data;
  demand(isName(generator), "It does not say its generator.");
  demand(isBase(base), `Its seed is not a whole number from 0 to ${LARGEST_SEED}.`);
  demand(isTableOf(classes, isWeight), "Its class weights are not numbers from 0 up.");
  demand(Number.isFinite(truncation) && truncation >= 0 && truncation <= 2, "Its truncation is not between 0 and 2.");
  demand(isTableOf(amounts, Number.isFinite), "Its amounts are not numbers.");
  demand(isTableOf(layers, isSpan), "Its layers are not pairs of whole numbers.");
  demand(Array.isArray(hold) && hold.every(isName), "What it holds is not a list of names.");
  demand(cutoff === null || (Number.isInteger(cutoff) && cutoff > 0), "Its cutoff is not a number of layers.");
  demand(MEANS.includes(mean), `Its mean is none of ${MEANS.join(", ")}.`);
  demand(isTableOf(styles, isSpan) && Object.keys(styles).every(isSeedText), "Its styles are not seeds with layers.");
  return edit({ generator, base, classes, truncation, amounts, layers, hold, cutoff, mean, styles });
}

function demand(truth, sentence) {
  if (!truth) throw new Error(sentence);
}

const isTable = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isTableOf = (value, test) => isTable(value) && Object.values(value).every(test);
const isName = (value) => typeof value === "string" && value !== "";
const isWeight = (value) => Number.isFinite(value) && value >= 0;
const isSeed = (value) => Number.isInteger(value) && value >= 0 && value <= LARGEST_SEED;
const isSeedText = (text) => isSeed(Number(text)) && text === String(Number(text));
const isSpan = (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger);

function isBase(base) {
  if (!isTable(base)) return false;
  const { space = "z", ...rest } = base;
  if (Object.keys(rest).length !== 1 || !["z", "w"].includes(space)) return false;
  if ("latent" in base) return typeof base.latent === "string" && /^[\w-]{2,65536}$/.test(base.latent);
  if (!("seeds" in base)) return isSeed(base.seed);
  const seeds = Object.keys(base.seeds ?? {});
  const known = seeds.every(isSeedText);
  const weight = space === "w" ? Number.isFinite : isWeight; // a spline in w has weights below zero
  return known && isTableOf(base.seeds, weight) && Object.values(base.seeds).some((weight) => weight > 0);
}
