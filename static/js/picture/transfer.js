/** Takes edits and walks along to another generator: seeds and what the generator also has are kept. */

import { changed, fitted } from "./edit.js";
import { USUAL_SEED } from "./first-picture.js";
import { altered } from "../walk/walk.js";


/**
 * The edit for the generator called `name`; `fitted` then drops what that one lacks.
 * @param {Edit} original
 * @param {string} name
 */
export function transferred(original, name) {
  const base = original.base.latent ? { seed: USUAL_SEED } : original.base; // a latent belongs to one generator
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
