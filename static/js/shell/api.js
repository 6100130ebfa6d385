/** The server's HTTP interface, one function a route; every failure is an ApiError with a message for people. */

import { canonical } from "../picture/canonical.js";

/** A refused or failed request: `message` is a sentence, `hint` what to do next, `code` for programs. */
class ApiError extends Error {
  constructor({ code = "error", message, hint = "" }) {
    super(message);
    Object.assign(this, { code, hint });
  }
}

/** What went wrong and what to do about it, as one text; of an ApiError or of what the server says of a job. */
export const inFull = ({ message, hint }) => `${message} ${hint ?? ""}`.trim();

async function ask(path, { method = "GET", json, body, signal } = {}) {
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
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

const json = async (response) => (await response).json();
const get = (path, options) => json(ask(path, options));
const list = async (name, query = "") => (await get(`/api/${name}${query}`))[name.split("/").at(-1)];
const post = (path, data, options) => json(ask(path, { method: "POST", json: data, ...options }));
const send = (path, file) => json(ask(path, { method: "POST", body: file }));
const remove = (path) => ask(path, { method: "DELETE" });
const part = encodeURIComponent;
const directionPath = (generator, id) => `/api/directions/${part(generator)}/${part(id)}`;
const regressorPath = (name) => `/api/regressors/${part(name)}`;

export const api = Object.freeze({
  me: () => get("/api/me"),
  generators: () => list("generators"),
  pull: (name) => post("/api/generators", { pull: name }),
  invert: (name, file) => send(`/api/generators/${part(name)}/invert`, file),
  directions: (generator) => list("directions", `?generator=${part(generator)}`),
  direction: (generator, id) => get(directionPath(generator, id)),
  directionFile: (generator, id) => `${directionPath(generator, id)}/file`,
  removeDirection: (generator, id) => remove(directionPath(generator, id)),
  uploadDirection: (file) => send("/api/directions/upload", file),
  uploadForeign: (generator, file) =>
    send(`/api/directions/foreign?generator=${part(generator)}&name=${part(file.name)}`, file),
  seeGenerator: (name, file) => send(`/api/imports?name=${part(name)}`, file),
  keepGenerator: (id, said) => post(`/api/imports/${part(id)}`, said),
  dropGenerator: (id) => remove(`/api/imports/${part(id)}`),
  transforms: (generator) => list("transforms", `?generator=${part(generator)}`),
  learn: (request) => post("/api/directions/learn", request),
  discover: (request) => post("/api/directions/discover", request),
  regressors: () => list("regressors"),
  uploadRegressor: (name, file) => send(`/api/regressors?name=${part(name)}`, file),
  describeRegressor: (name, said) => post(regressorPath(name), said, { method: "PATCH" }),
  planRegressor: (name, plan) => post(`${regressorPath(name)}/plan`, plan, { method: "PUT" }),
  removeRegressor: (name) => remove(regressorPath(name)),
  rate: (request) => post("/api/regressors/ratings", request),
  score: (name, edit) => post(`${regressorPath(name)}/score`, { edit }),
  learnScore: (name, request) => post(`${regressorPath(name)}/learn`, request),
  jobs: () => list("jobs"),
  jobEvents: (id) => `/api/jobs/${part(id)}/events`,
  cancelJob: (id) => json(remove(`/api/jobs/${part(id)}`)),
  walkEdits: (request, signal) => post("/api/walks/edits", request, { signal }),
  estimate: (timeline, signal) => post("/api/walks/estimate", { timeline }, { signal }),
  presets: () => list("walks/presets"),
  preset: (id, request) => post(`/api/walks/presets/${part(id)}`, request),
  uploadSound: (file) => send(`/api/walks/audio?name=${part(file.name)}`, file),
  restore: (file) => send("/api/walks/restore", file),
  madeHere: (file) => send("/api/provenance/check", file),
  provenance: () => get("/api/provenance"),
  bookmarks: () => list("bookmarks"),
  keep: (bookmark) => post("/api/bookmarks", bookmark),
  removeBookmark: (id) => remove(`/api/bookmarks/${part(id)}`),
  exports: () => list("exports"),
  startExport: (timeline) => post("/api/walks/export", timeline),
  removeExport: (id) => remove(`/api/exports/${part(id)}`),
  still: async (edit) => (await ask("/api/provenance/still", { method: "POST", json: { edit } })).blob(),
  thumbnail: async (edit, signal) => (await ask(thumbnailUrl(edit), { signal })).blob(),
});

/** The cacheable address of a small picture of an edit. */
export function thumbnailUrl(edit, size = 96) {
  return `/api/render?edit=${part(canonical(edit))}&format=webp&size=${size}`;
}
