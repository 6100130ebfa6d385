/** The state the page starts with, and the export settings the browser remembers. */

import { EMPTY } from "../walk/walk.js";

const OUTPUT = "latentwalk.output";

/** @returns {State} */
export function initialState() {
  return {
    generators: [],
    directions: [],
    edit: null,
    activeSlider: null,
    comparing: false,
    walk: EMPTY,
    chosen: null,
    visiting: false,
    timeline: false,
    output: storedOutput(),
    link: "connecting",
    device: "",
    problem: null,
    jobs: [],
    exports: [],
  };
}

/**
 * Remember the export settings for the next visit.
 * @param {import("./store.js").Store} store
 */
export function keepOutput(store) {
  store.watch(["output"], ({ output }) => localStorage.setItem(OUTPUT, JSON.stringify(output)));
}

/** @returns {Output} */
function storedOutput() {
  const usual = { format: "mp4", fps: 30, size: 512, quality: "good" };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(OUTPUT) ?? "{}") };
  } catch {
    return usual;
  }
}
