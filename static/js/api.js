/** The server's HTTP interface, one function a route; every failure is an ApiError a person may read. */

import { canonical } from "./canonical.js";

/** A refused or failed request: `message` is a sentence, `hint` what to do next, `code` for programs. */
export class ApiError extends Error {
  constructor({ code = "error", message, hint = "" }) {
    super(message);
    Object.assign(this, { code, hint });
  }
}

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
      hint: "Nothing is lost: try again in a moment.",
    });
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  throw new ApiError(said?.error ?? { message: `The server answered with error ${response.status}.` });
}

const get = async (path, options) => (await ask(path, options)).json();
const post = async (path, json) => (await ask(path, { method: "POST", json })).json();
const part = encodeURIComponent;

export const api = Object.freeze({
  me: () => get("/api/me"),
  generators: async () => (await get("/api/generators")).generators,
  pull: (name) => post("/api/generators", { pull: name }),
  invert: async (name, file) =>
    (await ask(`/api/generators/${part(name)}/invert`, { method: "POST", body: file })).json(),
  directions: async (generator) => (await get(`/api/directions?generator=${part(generator)}`)).directions,
  direction: (generator, id) => get(`/api/directions/${part(generator)}/${part(id)}`),
  directionFile: (generator, id) => `/api/directions/${part(generator)}/${part(id)}/file`,
  removeDirection: (generator, id) => ask(`/api/directions/${part(generator)}/${part(id)}`, { method: "DELETE" }),
  uploadDirection: async (file) => (await ask("/api/directions/upload", { method: "POST", body: file })).json(),
  uploadForeign: async (generator, file) =>
    (
      await ask(`/api/directions/foreign?generator=${part(generator)}&name=${part(file.name)}`, {
        method: "POST",
        body: file,
      })
    ).json(),
  seeGenerator: async (name, file) => (await ask(`/api/imports?name=${part(name)}`, { method: "POST", body: file })).json(),
  keepGenerator: (id, json) => post(`/api/imports/${part(id)}`, json),
  dropGenerator: (id) => ask(`/api/imports/${part(id)}`, { method: "DELETE" }),
  transforms: async (generator) => (await get(`/api/transforms?generator=${part(generator)}`)).transforms,
  learn: (request) => post("/api/directions/learn", request),
  discover: (request) => post("/api/directions/discover", request),
  regressors: async () => (await get("/api/regressors")).regressors,
  uploadRegressor: async (name, file) =>
    (await ask(`/api/regressors?name=${part(name)}`, { method: "POST", body: file })).json(),
  describeRegressor: async (name, json) => (await ask(`/api/regressors/${part(name)}`, { method: "PATCH", json })).json(),
  planRegressor: async (name, json) => (await ask(`/api/regressors/${part(name)}/plan`, { method: "PUT", json })).json(),
  removeRegressor: (name) => ask(`/api/regressors/${part(name)}`, { method: "DELETE" }),
  rate: (request) => post("/api/regressors/ratings", request),
  score: (name, edit) => post(`/api/regressors/${part(name)}/score`, { edit }),
  learnScore: (name, request) => post(`/api/regressors/${part(name)}/learn`, request),
  small: (edit, size) => thumbnailUrl(edit, size),
  jobs: async () => (await get("/api/jobs")).jobs,
  jobEvents: (id) => `/api/jobs/${part(id)}/events`,
  cancelJob: async (id) => (await ask(`/api/jobs/${part(id)}`, { method: "DELETE" })).json(),
  walkEdits: async (request, signal) =>
    (await ask("/api/walks/edits", { method: "POST", json: request, signal })).json(),
  estimate: async (timeline, signal) =>
    (await ask("/api/walks/estimate", { method: "POST", json: { timeline }, signal })).json(),
  presets: async () => (await get("/api/walks/presets")).presets,
  preset: (id, request) => post(`/api/walks/presets/${part(id)}`, request),
  uploadSound: async (file) =>
    (await ask(`/api/walks/audio?name=${part(file.name)}`, { method: "POST", body: file })).json(),
  restore: async (file) => (await ask("/api/walks/restore", { method: "POST", body: file })).json(),
  madeHere: async (file) => (await ask("/api/provenance/check", { method: "POST", body: file })).json(),
  provenance: () => get("/api/provenance"),
  exports: async () => (await get("/api/exports")).exports,
  startExport: (timeline) => post("/api/walks/export", timeline),
  removeExport: (id) => ask(`/api/exports/${part(id)}`, { method: "DELETE" }),
  still: async (edit) => (await ask("/api/provenance/still", { method: "POST", json: { edit } })).blob(),
  thumbnail: async (edit, signal) => (await ask(thumbnailUrl(edit), { signal })).blob(),
});

/** The cacheable address of a small picture of an edit. */
export function thumbnailUrl(edit, size = 96) {
  return `/api/render?edit=${part(canonical(edit))}&format=webp&size=${size}`;
}
