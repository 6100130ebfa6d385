/** Walk: a timeline as a frozen value: keyframes with edits, tracks with the amounts of a slider, and how it plays. */

const LEAST = 0.1; // seconds between two keyframes
export const USUAL = 2; // seconds a new segment takes

/**
 * A complete, frozen walk from the parts that are given; keyframes and keys in the order of time.
 * @param {Partial<Walk>} [parts]
 * @returns {Walk}
 */
export function walk(parts = {}) {
  const { stops = [], tracks = [], beats = [], others = [], ...plain } = parts;
  /**
   * @template {{at: number}} T
   * @param {readonly T[]} list
   */
  const inOrder = (list) => Object.freeze([...list].sort((a, b) => a.at - b.at).map((one) => Object.freeze(one)));
  return Object.freeze({
    play: "loop",
    back: USUAL,
    curve: "straight",
    speed: "timed",
    grid: null,
    title: "",
    caption: false,
    mark: false,
    audio: null,
    ...plain,
    stops: inOrder(stops),
    tracks: Object.freeze(tracks.map(({ slider, keys }) => Object.freeze({ slider, keys: inOrder(keys) }))),
    beats: Object.isFrozen(beats) ? beats : Object.freeze([...beats]),
    others: inOrder(others),
  });
}

export const EMPTY = walk();

/**
 * @param {Walk} original
 * @param {Partial<Walk>} changes
 */
export const altered = (original, changes) => walk({ ...original, ...changes });

/**
 * Seconds until the end of the last keyframe or key, including its hold.
 * @param {Walk} walk
 */
export function until({ stops, tracks, others }) {
  const all = [...stops, ...tracks.flatMap(({ keys }) => keys), ...others];
  return Math.max(0, ...all.map(({ at, hold = 0 }) => at + hold));
}

/**
 * Seconds of one pass; that of a loop includes the time back to its start.
 * @param {Walk} one
 */
export const span = (one) => until(one) + (one.play === "loop" && moves(one) ? one.back : 0);

/**
 * Seconds of the film; a walk back and forth passes twice.
 * @param {Walk} one
 */
export const length = (one) => span(one) * (one.play === "pingpong" ? 2 : 1);

/** @param {Walk} walk */
export const moves = ({ stops, tracks, others }) =>
  stops.length > 0 && stops.length + others.length + tracks.reduce((sum, { keys }) => sum + keys.length, 0) > 1;

/**
 * @param {Walk} one
 * @param {number | undefined} id
 */
export const stopOf = (one, id) => one.stops.find((stop) => stop.id === id);

/**
 * The keyframe or key at a place such as {track: null, id: 3} or {track: "zoom", id: 5}, if it still exists.
 * @param {Walk} one
 * @param {Place | null} place
 */
export function found(one, place) {
  if (!place) return undefined;
  const list = place.track === null ? one.stops : one.tracks.find(({ slider }) => slider === place.track)?.keys;
  return list?.find(({ id }) => id === place.id);
}

/**
 * The first free number for a keyframe or key.
 * @param {Walk} walk
 */
export function freshNumber({ stops, tracks }) {
  return 1 + Math.max(0, ...stops.map(({ id }) => id), ...tracks.flatMap(({ keys }) => keys.map(({ id }) => id)));
}

/**
 * With a keyframe of `edit`: at `at` where that is free and inside, else after the last.
 * @param {Walk} one
 * @param {Edit} edit
 * @param {number} at
 */
export function added(one, edit, at) {
  const { stops } = one;
  const last = stops.at(-1);
  const free = last && at < last.at && stops.every((stop) => Math.abs(stop.at - at) >= LEAST);
  const place = !last ? 0 : free ? at : last.at + last.hold + USUAL;
  /** @type {Stop} */
  const stop = { id: freshNumber(one), at: tidy(place), hold: 0, easing: "smooth", edit };
  return altered(one, { stops: [...stops, stop] });
}

/**
 * With some fields of a keyframe changed, its time left alone.
 * @param {Walk} one
 * @param {number} id
 * @param {Partial<Stop>} changes
 */
export function replaced(one, id, changes) {
  return altered(one, { stops: one.stops.map((stop) => (stop.id === id ? { ...stop, ...changes } : stop)) });
}

/**
 * Without a keyframe; a walk begins at 0, whichever is first now.
 * @param {Walk} one
 * @param {number} id
 */
export function removed(one, id) {
  return fromZero(altered(one, { stops: one.stops.filter((stop) => stop.id !== id) }));
}

/**
 * With a keyframe at another time, past its neighbours too; never within LEAST of another.
 * @param {Walk} one
 * @param {number} id
 * @param {number} at
 */
export function moved(one, id, at) {
  const own = stopOf(one, id);
  if (!own) return one;
  const others = one.stops.filter((stop) => stop.id !== id);
  let place = Math.max(0, at);
  for (const other of others) {
    if (Math.abs(other.at - place) < LEAST) place = other.at + (place < other.at && other.at >= LEAST ? -LEAST : LEAST);
  }
  const stops = [...others, { ...own, at: tidy(place) }].sort((a, b) => a.at - b.at);
  return altered(one, { stops: stops.map((stop, index) => rested(stop, stops[index + 1])) });
}

/**
 * Moved so that the first keyframe is at 0, tracks with it.
 * @param {Walk} one
 */
export function fromZero(one) {
  const first = one.stops[0]?.at ?? 0;
  if (!first) return one;
  return shifted(one, -Infinity, -first);
}

/**
 * With a copy of a keyframe after it; everything later moves along.
 * @param {Walk} one
 * @param {number} id
 */
export function duplicated(one, id) {
  const own = stopOf(one, id);
  if (!own) return one;
  const later = shifted(one, own.at, USUAL + own.hold);
  const copy = { ...own, id: freshNumber(one), at: tidy(own.at + own.hold + USUAL) };
  return altered(later, { stops: [...later.stops, copy] });
}

/**
 * With two neighbouring keyframes swapped: their edits change places, their times stay.
 * @param {Walk} one
 * @param {number} id
 * @param {number} by
 */
export function swapped(one, id, by) {
  const index = one.stops.findIndex((stop) => stop.id === id);
  const [own, other] = [one.stops[index], one.stops[index + by]];
  if (!own || !other) return one;
  const stops = one.stops.map((stop) => {
    if (stop === own) return { ...stop, id: other.id, edit: other.edit };
    return stop === other ? { ...stop, id: own.id, edit: own.edit } : stop;
  });
  return altered(one, { stops });
}

/**
 * With `seconds` from a keyframe to the next; everything later moves along.
 * @param {Walk} one
 * @param {number} id
 * @param {number} seconds
 */
export function timed(one, id, seconds) {
  const index = one.stops.findIndex((stop) => stop.id === id);
  const [own, next] = [one.stops[index], one.stops[index + 1]];
  const wanted = Math.max(LEAST, seconds);
  if (!own || !next) return altered(one, { back: wanted });
  return shifted(one, own.at, own.at + own.hold + wanted - next.at);
}

/**
 * With a hold of `seconds` at a keyframe; everything later moves along.
 * @param {Walk} one
 * @param {number} id
 * @param {number} seconds
 */
export function held(one, id, seconds) {
  const own = stopOf(one, id);
  if (!own) return one;
  const hold = Math.max(0, seconds);
  return replaced(shifted(one, own.at, hold - own.hold), id, { hold });
}

/**
 * Seconds from a keyframe to the next, without its hold.
 * @param {Walk} one
 * @param {number} id
 */
export function pace(one, id) {
  const index = one.stops.findIndex((stop) => stop.id === id);
  const [own, next] = [one.stops[index], one.stops[index + 1]];
  return own && next ? tidy(next.at - own.at - own.hold) : one.back;
}

/**
 * Seconds rounded to hundredths.
 * @param {number} seconds
 */
export const tidy = (seconds) => Math.round(seconds * 100) / 100;

/**
 * @param {Stop} stop
 * @param {Stop | undefined} next
 */
function rested(stop, next) {
  if (!next) return stop;
  return stop.at + stop.hold > next.at - LEAST ? { ...stop, hold: Math.max(0, tidy(next.at - LEAST - stop.at)) } : stop;
}

/**
 * @param {Walk} one
 * @param {number} after
 * @param {number} by
 */
function shifted(one, after, by) {
  /**
   * @template {{at: number}} T
   * @param {readonly T[]} list
   */
  const shift = (list) => list.map((item) => (item.at > after ? { ...item, at: Math.max(0, tidy(item.at + by)) } : item));
  return altered(one, {
    stops: shift(one.stops),
    tracks: one.tracks.map(({ slider, keys }) => ({ slider, keys: shift(keys) })),
    others: shift(one.others),
  });
}
