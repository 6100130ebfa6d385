/** Seconds on a ruler: where they lie, which of them get a number, what a dragged thing snaps to, how they are written. */

const STEPS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const ROOM = 64; // px between two numbers
const NEAR = 7; // px within which things snap

/** Seconds over `width` pixels, with room left at the end to drag the last keyframe into. */
export class Timescale {
  constructor(seconds, width) {
    this.seconds = Math.max(seconds, 1);
    this.width = Math.max(width, 1);
    Object.freeze(this);
  }

  place(at) {
    return (at / this.seconds) * this.width;
  }

  at(place) {
    return (place / this.width) * this.seconds;
  }

  /** The seconds that get a number, evenly, as many as there is room for. */
  ticks() {
    const rough = this.at(ROOM);
    const step = STEPS.find((one) => one >= rough) ?? STEPS.at(-1);
    return Array.from({ length: Math.floor(this.seconds / step + 1e-6) + 1 }, (_, index) => index * step);
  }

  /** The nearest of `points` within a few pixels, else `at` itself. */
  snap(at, points) {
    const near = this.at(NEAR);
    let best = at;
    let least = near;
    for (const point of points) {
      const far = Math.abs(point - at);
      if (far < least) [best, least] = [point, far];
    }
    return best;
  }
}

/** "0:07.25", as a player shows it. */
export function clock(seconds) {
  const hundredths = Math.round(Math.max(0, seconds) * 100);
  const whole = Math.floor(hundredths / 6000);
  return `${whole}:${((hundredths % 6000) / 100).toFixed(2).padStart(5, "0")}`;
}

/** "1.5 s" or "2 min 5 s", as people say it. */
export function duration(seconds) {
  if (seconds < 90) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest ? ` ${rest} s` : ""}`;
}

/** "340 kB" or "1.4 MB". */
export function bytes(count) {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
