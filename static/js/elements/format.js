/** Durations and file sizes as people read them. */

/**
 * "1.5 s" or "2 min 5 s", as people say it.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 90) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest ? ` ${rest} s` : ""}`;
}

/**
 * "340 kB" or "1.4 MB".
 * @param {number} count
 */
export function bytes(count) {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
