/** Seconds on a ruler: their positions, which of them get a number, and what a dragged keyframe snaps to. */

const STEPS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const ROOM = 64; // px between two numbers
const NEAR = 7; // px within which things snap

/** Seconds over `width` pixels, with room left at the end to drag the last keyframe into. */
export class Timescale {
  /**
   * @param {number} seconds
   * @param {number} width
   */
  constructor(seconds, width) {
    this.seconds = Math.max(seconds, 1);
    this.width = Math.max(width, 1);
    Object.freeze(this);
  }

  /** @param {number} at */
  place(at) {
    return (at / this.seconds) * this.width;
  }

  /** @param {number} place */
  at(place) {
    return (place / this.width) * this.seconds;
  }

  /** The seconds that get a number, evenly, as many as there is room for. */
  ticks() {
    const rough = this.at(ROOM);
    const step = STEPS.find((one) => one >= rough) ?? rough;
    return Array.from({ length: Math.floor(this.seconds / step + 1e-6) + 1 }, (_, index) => index * step);
  }

  /**
   * The nearest of `points` within a few pixels, else `at` itself.
   * @param {number} at
   * @param {readonly number[]} points
   */
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

/**
 * "0:07.25", as a player shows it.
 * @param {number} seconds
 */
export function clock(seconds) {
  const hundredths = Math.round(Math.max(0, seconds) * 100);
  const whole = Math.floor(hundredths / 6000);
  return `${whole}:${((hundredths % 6000) / 100).toFixed(2).padStart(5, "0")}`;
}
