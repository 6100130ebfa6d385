/** The server's HTTP interface, one function a route; every failure is an ApiError with a message for people. */

import { canonical } from "../picture/canonical.js";

/**
 * A path that the server names, such as "/api/jobs/1", as an address relative to the page: behind a proxy, the page
 * and the API may lie under a prefix that the server does not know.
 * @param {string} path
 */
export const address = (path) => path.replace(/^\//, "");

/** A refused or failed request: `message` is a sentence, `hint` what to do next, `code` for programs. */
class ApiError extends Error {
  /** @param {Partial<Problem> & {message: string}} parts */
  constructor({ code = "error", message, hint = "" }) {
    super(message);
    Object.assign(this, { code, hint });
  }
}

/**
 * What went wrong and what to do about it, as one text; of an ApiError or of what the server says of a job.
 * @param {Problem} problem
 */
export const inFull = ({ message, hint }) => `${message} ${hint ?? ""}`.trim();

/**
 * @param {string} path
 * @param {{method?: string, json?: unknown, body?: Blob, signal?: AbortSignal}} [parts]
 */
async function ask(path, { method = "GET", json, body, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({
      code: "offline",
      message: "The server does not answer.",
      hint: "Nothing is lost. Try again in a moment.",
    });
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  throw new ApiError(said?.error ?? { message: `The server answered with error ${response.status}.` });
}


/**
 * @param {Promise<Response>} response
 * @returns {Promise<any>} typed by the callers
 */
const json = async (response) => (await response).json();

/**
 * @param {string} path
 * @param {object} [options]
 * @returns {Promise<any>}
 */
const get = (path, options) => json(ask(path, options));

/**
 * @param {string} name
 * @param {string} [query]
 */
const list = async (name, query = "") => (await get(`api/${name}${query}`))[name.slice(name.lastIndexOf("/") + 1)];

/**
 * @param {string} path
 * @param {unknown} data
 * @param {object} [options]
 * @returns {Promise<any>}
 */
const post = (path, data, options) => json(ask(path, { method: "POST", json: data, ...options }));

/**
 * @param {string} path
 * @param {Blob} file
 */
const send = (path, file) => json(ask(path, { method: "POST", body: file }));

/** @param {string} path */
const remove = (path) => ask(path, { method: "DELETE" });
const part = encodeURIComponent;

/**
 * @param {string} generator
 * @param {string} id
 */
const directionPath = (generator, id) => `api/directions/${part(generator)}/${part(id)}`;

/** @param {string} name */
const regressorPath = (name) => `api/regressors/${part(name)}`;

/** One function for each route. What it answers is typed where the page reads it, else `any`: it goes on as it came. */
export const api = Object.freeze({
  me: () => get("api/me"),
  /** @returns {Promise<ImageGenerator[]>} */
  generators: () => list("generators"),
  /** @param {string} name */
  pull: (name) => post("api/generators", { pull: name }),
  /** @param {string} name @param {Blob} file */
  invert: (name, file) => send(`api/generators/${part(name)}/invert`, file),
  /** @type {(generator: string) => Promise<{directions: Direction[], damaged: Damaged[]}>} */
  directions: (generator) => get(`api/directions?generator=${part(generator)}`),
  /** @type {(generator: string, id: string) => Promise<Direction>} */
  direction: (generator, id) => get(directionPath(generator, id)),
  /** @type {(generator: string, id: string) => string} */
  directionFile: (generator, id) => `${directionPath(generator, id)}/file`,
  /** @type {(generator: string, id: string) => Promise<unknown>} */
  removeDirection: (generator, id) => remove(directionPath(generator, id)),
  /** @type {(file: Blob) => Promise<Direction>} */
  uploadDirection: (file) => send("api/directions/upload", file),
  /** @type {(generator: string, file: File) => Promise<{base?: Base, directions: Direction[]}>} */
  uploadForeign: (generator, file) =>
    send(`api/directions/foreign?generator=${part(generator)}&name=${part(file.name)}`, file),
  /** @type {(name: string, file: Blob) => Promise<CheckpointPassport>} */
  seeGenerator: (name, file) => send(`api/imports?name=${part(name)}`, file),
  /** @type {(id: string, name: string, graph: object) => Promise<CheckpointPassport>} */
  seeGraph: (id, name, graph) => post(`api/imports/${part(id)}/preview?name=${part(name)}`, graph),
  /** @type {(id: string, said: object) => Promise<{name: string, title: string}>} */
  keepGenerator: (id, said) => post(`api/imports/${part(id)}`, said),
  /** @type {(id: string) => Promise<unknown>} */
  dropGenerator: (id) => remove(`api/imports/${part(id)}`),
  /** @type {(generator: string) => Promise<Transform[]>} */
  transforms: (generator) => list("transforms", `?generator=${part(generator)}`),
  /** @type {(request: object) => Promise<Job>} */
  learn: (request) => post("api/directions/learn", request),
  /** @type {(request: object) => Promise<Job>} */
  discover: (request) => post("api/directions/discover", request),
  /** @returns {Promise<Regressor[]>} */
  regressors: () => list("regressors"),
  /** @type {(name: string, file: Blob, title: string) => Promise<Regressor>} */
  uploadRegressor: (name, file, title) => send(`api/regressors?name=${part(name)}&title=${part(title)}`, file),
  /** @type {(name: string, said: object) => Promise<Regressor>} */
  describeRegressor: (name, said) => post(regressorPath(name), said, { method: "PATCH" }),
  /** @type {(name: string, plan: object) => Promise<Regressor>} */
  planRegressor: (name, plan) => post(`${regressorPath(name)}/plan`, plan, { method: "PUT" }),
  /** @type {(name: string) => Promise<Regressor>} */
  resumeRegressor: (name) => post(`${regressorPath(name)}/resume`, {}),
  /** @type {(name: string) => Promise<unknown>} */
  removeRegressor: (name) => remove(regressorPath(name)),
  /** @type {(request: object) => Promise<Job>} */
  rate: (request) => post("api/regressors/ratings", request),
  /** @type {(name: string, edit: Edit) => Promise<{score: number, warning: string}>} */
  score: (name, edit) => post(`${regressorPath(name)}/score`, { edit }),
  /** @type {(name: string, request: object) => Promise<Job>} */
  learnScore: (name, request) => post(`${regressorPath(name)}/learn`, request),
  /** @returns {Promise<Job[]>} */
  jobs: () => list("jobs"),
  /** @param {string} id */
  jobEvents: (id) => `api/jobs/${part(id)}/events`,
  /** @type {(id: string) => Promise<Job>} */
  cancelJob: (id) => json(remove(`api/jobs/${part(id)}`)),
  /** @type {(request: object, signal: AbortSignal) => Promise<{edits: EditParts[][], times: number[]}>} */
  walkEdits: (request, signal) => post("api/walks/edits", request, { signal }),
  /** @type {(timeline: Timeline, signal: AbortSignal) => Promise<Estimate>} */
  estimate: (timeline, signal) => post("api/walks/estimate", { timeline }, { signal }),
  /** @returns {Promise<Preset[]>} */
  presets: () => list("walks/presets"),
  /** @type {(id: string, request: object) => Promise<{timeline: Timeline}>} */
  preset: (id, request) => post(`api/walks/presets/${part(id)}`, request),
  /** @type {(file: File) => Promise<{audio: {name: string, sha256: string}, beats: number[]}>} */
  uploadSound: (file) => send(`api/walks/audio?name=${part(file.name)}`, file),
  /** @type {(head: Blob, size: number) => Promise<IdentifiedFile>} */
  identify: (head, size) => send(`api/files/identify?size=${size}`, head),
  /** @param {Blob} file */
  restore: (file) => send("api/walks/restore", file),
  /** @param {Blob} file */
  madeHere: (file) => send("api/provenance/check", file),
  /** @returns {Promise<{sentence: string}>} */
  provenance: () => get("api/provenance"),
  /** @returns {Promise<{bookmarks: Bookmark[], next?: string}>} */
  bookmarks: (after = "") => get(after ? `api/bookmarks?after=${part(after)}` : "api/bookmarks"),
  /** @param {object} bookmark */
  keep: (bookmark) => post("api/bookmarks", bookmark),
  /** @param {string} id */
  removeBookmark: (id) => remove(`api/bookmarks/${part(id)}`),
  /** @returns {Promise<Film[]>} */
  exports: () => list("exports"),
  /** @type {(timeline: Timeline) => Promise<Job>} */
  startExport: (timeline) => post("api/walks/export", timeline),
  /** @param {string} id */
  removeExport: (id) => remove(`api/exports/${part(id)}`),
  /** @param {Edit} edit */
  still: async (edit) => (await ask("api/provenance/still", { method: "POST", json: { edit } })).blob(),
  /** @type {(edit: Edit, seeds: number[]) => Promise<Blob>} */
  grid: async (edit, seeds) => (await ask("api/grids", { method: "POST", json: { edit, seeds } })).blob(),
  /** @type {(edit: EditParts, signal: AbortSignal) => Promise<Blob>} */
  thumbnail: async (edit, signal) => (await ask(thumbnailUrl(edit), { signal })).blob(),
});

/**
 * The cacheable address of a small picture of an edit.
 * @param {EditParts} edit
 * @param {number} [size]
 */
export function thumbnailUrl(edit, size = 96) {
  return `api/render?edit=${part(canonical(edit))}&format=webp&size=${size}`;
}
