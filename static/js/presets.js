/** Ready-made walks: through seeds, there and back along one slider, a tour of all sliders, from class to class. */

import { changed, neutral, withAmount } from "./edit.js";
import { walk } from "./walk.js";

const stopsOf = (edits, seconds) =>
  edits.map((edit, index) => ({ id: index + 1, at: index * seconds, hold: 0, easing: "smooth", edit }));

/** A loop through this picture's seed and others; `seeds` are the others. */
export function wander(edit, { seeds, seconds }) {
  const edits = [edit, ...seeds.map((seed) => changed(edit, { base: { seed } }))];
  return walk({ stops: stopsOf(edits, seconds), back: seconds });
}

/** One slider from end to end of its measured range and back; the others stay as they are. */
export function sweep(edit, { direction, seconds }) {
  const ends = direction.range.map((amount) => withAmount(edit, direction, amount));
  return walk({ stops: stopsOf(ends, seconds), back: seconds });
}

/** Every slider in turn to both ends of its measured range, from rest to rest. */
export function tour(edit, { directions, seconds }) {
  const rest = neutral(edit);
  const ends = directions.flatMap((one) => [...one.range].reverse().map((amount) => withAmount(rest, one, amount)));
  return walk({ stops: stopsOf([rest, ...ends], seconds), back: seconds });
}

/** From one class to another and back: what lies between them. */
export function morph(edit, { from, to, seconds }) {
  const edits = [from, to].map((name) => changed(edit, { classes: { [name]: 1 } }));
  return walk({ stops: stopsOf(edits, seconds), back: seconds });
}
