/** Takes edits and walks along to another generator: seeds and what the generator also has are kept. */

import { changed, fitted } from "./edit.js";
import { altered } from "../walk/walk.js";

const STAND_IN = 58; // the seed in place of a latent, which belongs to one generator

/**
 * The edit for the generator called `name`; `fitted` then drops what that one lacks.
 * @param {Edit} original
 * @param {string} name
 */
export function transferred(original, name) {
  const base = original.base.latent ? { seed: STAND_IN } : original.base;
  return changed(original, { generator: name, base, amounts: {}, layers: {}, hold: [] });
}

/**
 * The walk on another generator: its times and seeds, and the amounts of sliders that the generator has.
 * @param {Walk} walk
 * @param {ImageGenerator} generator
 * @param {Direction[]} directions
 */
export function walkOn(walk, generator, directions) {
  const known = new Set(directions.map(({ id }) => id));
  const stops = walk.stops.map((stop) => {
    const moved = { ...transferred(stop.edit, generator.name), amounts: stop.edit.amounts };
    return { ...stop, edit: fitted(moved, generator, directions).edit };
  });
  const others = walk.others.filter((one) => Object.keys(one.amounts ?? {}).every((id) => known.has(id)));
  return altered(walk, { stops, others, tracks: walk.tracks.filter(({ slider }) => known.has(slider)) });
}
