/** Converts a walk to the timeline that the server renders and files carry, and back. */

import { parseEdit } from "../picture/parse-edit.js";
import { moves, span, tidy, until, USUAL, walk } from "./walk.js";

export const EASINGS = Object.freeze({
  smooth: "Smooth",
  linear: "Linear",
  in: "Slow start",
  out: "Slow end",
  hold: "Jump",
});
export const ENDS = Object.freeze({ loop: "Loop", pingpong: "Back and forth", once: "Once" });
/** @type {Readonly<Record<string, string>>} */
export const PATHS = Object.freeze({ straight: "Straight", spline: "Curved" });

const NUDGE = 0.001; // seconds between keys that cannot share a keyframe
/** @type {(keyof Walk)[]} */
const PLAIN = ["play", "curve", "speed", "grid", "title", "caption", "mark", "audio", "beats"];

/**
 * The timeline of a walk on a generator, written as `output` says.
 * @param {Walk} one
 * @param {string} generator
 * @param {Partial<Output>} output
 */
export function timelineOf(one, generator, output) {
  const keyframes = [
    ...one.stops.map(({ at, hold, easing, edit }) => ({ at, hold, easing, edit: bare(edit) })),
    ...together(one.tracks),
    ...one.others,
  ].sort((a, b) => a.at - b.at);
  const plain = Object.fromEntries(PLAIN.map((name) => [name, one[name]]).filter(([, value]) => value !== null));
  const back = one.play === "loop" && moves(one);
  return { version: 2, generator, ...plain, keyframes, ...(back ? { seconds: tidy(span(one)) } : {}), output };
}

/**
 * {generator, walk, output} of a timeline from a file; throws an Error with a sentence where it is none.
 * @param {Timeline} timeline
 */
export function walkOf(timeline) {
  const { generator, keyframes, seconds, output = {} } = timeline;
  if (!Array.isArray(keyframes)) throw new Error("The recipe has no keyframes.");
  let last = 0;
  const fresh = () => ++last;
  const whole = shaped(keyframes).filter(({ edit }) => edit);
  /** @type {Stop[]} */
  const stops = whole.map(({ at, hold = 0, easing = "smooth", edit }) => {
    return { id: fresh(), at: tidy(at), hold, easing, edit: parseEdit(edit) };
  });
  /** @type {Map<string, Key[]>} */
  const keysOf = new Map();
  /** @type {OtherKeyframe[]} */
  const others = [];
  for (const keyframe of shaped(keyframes).filter(({ edit }) => !edit)) {
    const { at, hold = 0, easing = "smooth", amounts: set = {}, ...rest } = keyframe;
    if (Object.keys(rest).length) others.push(keyframe);
    else {
      for (const [slider, amount] of Object.entries(set)) {
        const key = { id: fresh(), at: tidy(at), hold, easing, amount };
        keysOf.set(slider, [...(keysOf.get(slider) ?? []), key]);
      }
    }
  }
  const tracks = [...keysOf].map(([slider, keys]) => ({ slider, keys }));
  const plain = Object.fromEntries(PLAIN.filter((name) => name in timeline).map((name) => [name, timeline[name]]));
  const made = walk({ ...plain, stops, tracks, others });
  const back = seconds === undefined ? USUAL : Math.max(0.1, tidy(seconds - until(made)));
  return { generator, walk: walk({ ...made, back }), output };
}

/**
 * A walk out of storage; what it holds is checked like anything from outside.
 * @param {any} stored
 */
export function reviveWalk(stored) {
  /** @type {any[]} */
  const stops = stored.stops;
  return walk({ ...stored, stops: stops.map((stop) => ({ ...stop, edit: parseEdit(stop.edit) })) });
}

// Keys at one time with one easing are one keyframe; a second easing at that time goes a moment later.
/** @param {readonly Track[]} tracks */
function together(tracks) {
  /** @type {Map<number, OtherKeyframe>} */
  const made = new Map();
  for (const { slider, keys } of tracks) {
    for (const { at, hold, easing, amount } of keys) {
      let place = at;
      const taken = (/** @type {OtherKeyframe | undefined} */ one) => one && (one.easing !== easing || one.hold !== hold);
      while (taken(made.get(place))) place += NUDGE;
      const keyframe = made.get(place) ?? { at: place, hold, easing, amounts: {} };
      made.set(place, { ...keyframe, amounts: { ...keyframe.amounts, [slider]: amount } });
    }
  }
  return [...made.values()];
}

// Where the first edit alone is whole and all others change its classes or truncation, all are whole edits as well.
/**
 * @param {OtherKeyframe[]} keyframes
 * @returns {OtherKeyframe[]}
 */
function shaped(keyframes) {
  const [first, ...others] = keyframes;
  const sets = others.map(({ at, hold, easing, ...set }) => Object.keys(set).sort().join());
  if (!["classes", "classes,truncation", "truncation"].includes(sets[0] ?? "") || new Set(sets).size > 1) return keyframes;
  const made = others.map(({ at, hold, easing, ...set }) => ({ at, hold, easing, edit: { .../** @type {EditParts} */ (first?.edit), ...set } }));
  return [...keyframes.slice(0, 1), ...made];
}

/** @param {Edit} edit */
function bare(edit) {
  /** @param {unknown} value */
  const empty = (value) => value === null || (typeof value === "object" && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(edit).filter(([, value]) => !empty(value)));
}
