/** How long learning a slider will take, judged by the sliders of the same generator that were timed. */

/**
 * A sentence about the time that some steps take: sliders learned here tell more than those that came with the
 * generator, which another machine learned.
 * @param {readonly Direction[]} directions
 * @param {string[]} methods of the sliders to judge by
 * @param {number} steps
 */
export function learningTime(directions, methods, steps) {
  const timed = directions.filter(
    ({ method, settings }) => methods.includes(method) && (settings?.seconds ?? 0) > 0 && (settings?.steps ?? 0) > 0,
  );
  const own = timed.filter(({ origin }) => origin !== "bundled");
  const known = own.length ? own : timed;
  if (!known.length) return "No slider of this generator has been timed yet; once learning has begun, its card says how long it will take.";
  if (!(steps > 0)) return "";
  const pace = median(known.map(({ settings }) => (settings?.seconds ?? 0) / (settings?.steps ?? 1)));
  const measuring = median(known.map(({ card }) => card?.measured_in_seconds ?? 0));
  const source = own.length
    ? "as long as sliders learned on this server"
    : "judging by the sliders that come with this generator; this device may be faster or slower";
  return `Takes about ${inWords(pace * steps + measuring)} with the measuring, ${source}.`;
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** @param {number} seconds */
function inWords(seconds) {
  if (seconds < 50) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} seconds`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
