/** Checks that JSON from links, files and storage is an edit, and says in a sentence why it is not. */

import { edit, LARGEST_SEED } from "./edit.js";

const FIELDS = ["generator", "base", "classes", "truncation", "amounts", "layers", "hold", "cutoff", "mean", "styles"];
const MEANS = ["own", "class", "all"];

/**
 * An edit from decoded JSON; throws an Error with one sentence for anything else.
 * @param {any} data
 */
export function parseEdit(data) {
  demand(isTable(data), "It is not an edit.");
  const unknown = Object.keys(data).find((name) => !FIELDS.includes(name));
  demand(unknown === undefined, `An edit has no field “${unknown}”.`);
  const { generator, base, classes = {}, truncation = 1, amounts = {}, layers = {}, hold = [] } = data;
  const { cutoff = null, mean = "own", styles = {} } = data;
  demand(isName(generator), "It names no generator.");
  demand(isBase(base), `Its seed is not a whole number from 0 to ${LARGEST_SEED}.`);
  demand(isTableOf(classes, isWeight), "Its class weights are not non-negative numbers.");
  demand(Number.isFinite(truncation) && truncation >= 0 && truncation <= 2, "Its truncation is not between 0 and 2.");
  demand(isTableOf(amounts, Number.isFinite), "Its amounts are not numbers.");
  demand(isTableOf(layers, isSpan), "Its layers are not pairs of whole numbers.");
  demand(Array.isArray(hold) && hold.every(isName), "Its held sliders are not a list of names.");
  demand(cutoff === null || (Number.isInteger(cutoff) && cutoff > 0), "Its cutoff is not a number of layers.");
  demand(MEANS.includes(mean), `Its mean is not one of ${MEANS.join(", ")}.`);
  demand(isTableOf(styles, isSpan) && Object.keys(styles).every(isSeedText), "Its styles are not seeds with layers.");
  return edit({ generator, base, classes, truncation, amounts, layers, hold, cutoff, mean, styles });
}

/**
 * @param {boolean} truth
 * @param {string} sentence
 */
function demand(truth, sentence) {
  if (!truth) throw new Error(sentence);
}

/** @param {unknown} value */
const isTable = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/**
 * @param {any} value
 * @param {(value: any) => boolean} test
 */
const isTableOf = (value, test) => isTable(value) && Object.values(value).every(test);
/** @param {unknown} value */
const isName = (value) => typeof value === "string" && value !== "";
/** @param {any} value anything: this finds out what it is */
const isWeight = (value) => Number.isFinite(value) && value >= 0;
/** @param {any} value anything: this finds out what it is */
const isSeed = (value) => Number.isInteger(value) && value >= 0 && value <= LARGEST_SEED;
/** @param {string} text */
const isSeedText = (text) => isSeed(Number(text)) && text === String(Number(text));
/** @param {any} value anything: this finds out what it is */
const isSpan = (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger);

/** @param {any} base */
function isBase(base) {
  if (!isTable(base)) return false;
  const { space = "z", ...rest } = base;
  if (Object.keys(rest).length !== 1 || !["z", "w"].includes(space)) return false;
  if ("latent" in base) return typeof base.latent === "string" && /^[\w-]{2,65536}$/.test(base.latent);
  if (!("seeds" in base)) return isSeed(base.seed);
  const seeds = Object.keys(base.seeds ?? {});
  const known = seeds.every(isSeedText);
  const weight = space === "w" ? Number.isFinite : isWeight; // a spline in w has weights below zero
  return known && isTableOf(base.seeds, weight) && Object.values(base.seeds).some((one) => one > 0);
}
