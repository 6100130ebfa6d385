/** Tracks of a walk: the amounts of one slider over time, set by its own keys and by every keyframe. */

import { withAmount } from "../picture/edit.js";
import { amountAt, coordinate } from "../sliders/units.js";
import { altered, freshNumber, replaced, span, tidy } from "./walk.js";

const APART = 0.02; // seconds between a track's key and a keyframe, which sets the slider itself
/** @type {Record<Easing, (share: number) => number>} */
const EASE = {
  /** @param {number} share */
  linear: (share) => share,
  /** @param {number} share */
  smooth: (share) => (1 - Math.cos(Math.PI * share)) / 2,
  /** @param {number} share */
  in: (share) => share * share,
  /** @param {number} share */
  out: (share) => share * (2 - share),
  hold: () => 0,
};

/**
 * With a slider's amount set at a time: in the keyframe there is, in the key there is, or in a key of its own.
 * @param {Walk} one
 * @param {Direction} direction
 * @param {number} at
 * @param {number} amount
 */
export function keyed(one, direction, at, amount) {
  const stop = one.stops.find((each) => Math.abs(each.at - at) < APART);
  const keys = keysOf(one, direction.id);
  const tracked = withTrack(one, direction.id, keys);
  if (stop) return replaced(tracked, stop.id, { edit: withAmount(stop.edit, direction, amount) });
  const there = keys.find((key) => Math.abs(key.at - at) < APART);
  /** @type {Key} */
  const fresh = { id: freshNumber(one), at: clear(one, at), hold: 0, easing: "smooth", amount };
  return withTrack(
    one,
    direction.id,
    there ? keys.map((key) => (key === there ? { ...key, amount } : key)) : [...keys, fresh],
  );
}

/**
 * @param {Walk} one
 * @param {string} slider
 * @param {number} id
 * @param {Partial<Key>} changes
 */
export function rekeyed(one, slider, id, changes) {
  const wanted = changes.at === undefined ? changes : { ...changes, at: clear(one, changes.at) };
  const keys = keysOf(one, slider).map((key) => (key.id === id ? { ...key, ...wanted } : key));
  return withTrack(one, slider, keys);
}

/**
 * @param {Walk} one
 * @param {string} slider
 * @param {number} id
 */
export function unkeyed(one, slider, id) {
  const others = keysOf(one, slider).filter((key) => key.id !== id);
  return withTrack(one, slider, others);
}

/**
 * With a track of these keys, which may be none.
 * @param {Walk} one
 * @param {string} slider
 * @param {readonly Key[]} keys
 */
function withTrack(one, slider, keys) {
  const known = one.tracks.some((track) => track.slider === slider);
  const tracks = one.tracks.map((track) => (track.slider === slider ? { slider, keys } : track));
  return altered(one, { tracks: known ? tracks : [...one.tracks, { slider, keys }] });
}

/**
 * @param {Walk} one
 * @param {string} slider
 */
export function untracked(one, slider) {
  return altered(one, { tracks: one.tracks.filter((track) => track.slider !== slider) });
}

/**
 * Every place where a slider's amount is set, in order: {at, hold, easing, amount, stop, id}; keyframes set all of them.
 * @param {Walk} one
 * @param {Direction} direction
 * @returns {Amount[]}
 */
export function amounts(one, direction) {
  const { unit, id } = direction;
  const set = one.stops.map((stop) => ({ ...stop, amount: stop.edit.amounts[id] ?? unit.neutral, stop: true }));
  return [...set, ...keysOf(one, id).map((key) => ({ ...key, stop: false }))].sort((a, b) => a.at - b.at);
}

/**
 * The amount of a slider at a time: constant before its first key and after its last, except while a loop returns to its start.
 * @param {Walk} one
 * @param {Direction} direction
 * @param {number} at
 */
export function amountAlong(one, direction, at) {
  const places = amounts(one, direction);
  const last = /** @type {Amount} */ (places.at(-1)); // a walk with a track has a keyframe
  const next = places.findIndex((place) => place.at > at);
  const first = places[0] ?? last;
  if (next === 0) return first.amount;
  const from = places[next - 1] ?? last;
  const to = places[next] ?? { ...first, at: span(one) };
  if (next < 0 && one.play !== "loop") return last.amount;
  const start = from.at + from.hold;
  if (at <= start || to.at <= start) return from.amount;
  const share = EASE[from.easing](Math.min(1, (at - start) / (to.at - start)));
  const low = coordinate(direction.unit, from.amount);
  const high = coordinate(direction.unit, to.amount);
  return amountAt(direction.unit, low + share * (high - low));
}

/**
 * @param {Walk} one
 * @param {string} slider
 */
const keysOf = (one, slider) => one.tracks.find((track) => track.slider === slider)?.keys ?? [];

// The nearest time that no keyframe and no rest at one takes.
/**
 * @param {Walk} one
 * @param {number} at
 */
function clear(one, at) {
  let place = Math.max(0, at);
  for (const stop of one.stops) {
    const [from, to] = [stop.at - APART, stop.at + stop.hold + APART];
    if (place > from && place < to) place = place - from < to - place && from > 0 ? from : to;
  }
  return tidy(place);
}
