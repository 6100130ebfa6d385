/** Connects the Attributes panel and the score below the picture to the session, the jobs and the server. */

import { $, detailOf, listener } from "../elements/dom.js";
import "./regressor-panel.js";
import "./score-readout.js";
import { freeName, titleOf } from "../elements/form.js";

const FIRST = "brightness";

/** @param {Page} page */
export function bindRegressors({ api, attempt, dock, jobs, session, store, toasts }) {
  const panel = $("regressor-panel");
  const readout = $("score-readout");
  const picker = $("#file");
  const on = listener(attempt);
  /** @type {Regressor[]} */
  let regressors = [];

  function open() {
    if (dock.open !== "attributes") dock.toggle("attributes");
  }

  async function refresh() {
    regressors = await api.regressors();
    panel.regressors = regressors;
    follow(panel.chosen || FIRST);
  }

  /** @param {string} name */
  function follow(name) {
    const regressor = regressors.find((one) => one.name === name && one.installed);
    if (regressor) readout.regressor = regressor;
  }

  /** @param {string} name */
  async function show(name) {
    open();
    await refresh();
    panel.chosen = name;
    follow(name);
  }

  /** @param {File} file */
  const nameFor = (file) => freeName(file.name, new Set(regressors.map((one) => one.name)), "attribute");

  // A table of ratings: fits a regressor to them.
  /** @param {File} file */
  async function rate(file) {
    const csv = await file.text();
    jobs.add(await api.rate({ name: nameFor(file), title: titleOf(file.name), generator: session.edit.generator, csv }));
    return open();
  }

  // An ONNX model.
  /** @param {File} file */
  async function upload(file) {
    const name = nameFor(file);
    toasts.say(`Opening “${file.name}” in a sandbox…`);
    const made = await api.uploadRegressor(name, file, titleOf(file.name));
    await show(made.name);
    toasts.say(`${made.title} was uploaded. Describe its input images, then fill in its card.`);
  }

  readout.ask = (name, edit) => api.score(name, edit);
  store.watch(["edit"], ({ edit }) => (panel.edit = readout.edit = edit));
  store.watch(["directions"], ({ directions }) => (panel.directions = directions));
  store.watch(["jobs"], ({ jobs: list }) => (panel.jobs = list));
  dock.register("attributes", refresh);
  on(panel, "pick", ({ name }) => follow(name));
  on(panel, "bring", () => picker.click());
  on(panel, "learn", async ({ regressor, ...request }) =>
    jobs.add(await api.learnScore(regressor, { generator: session.edit.generator, ...request })),
  );
  on(panel, "rated", async (rated) => jobs.add(await api.rate({ generator: session.edit.generator, ...rated })));
  panel.addEventListener("present", (event) => ($("picture-stage").guest = detailOf(event)));
  on(panel, "describe", async ({ name, ...said }) => {
    await api.describeRegressor(name, said);
    await refresh();
    toasts.say("The card was saved.");
  });
  on(panel, "resume", async ({ name }) => {
    const { title } = await api.resumeRegressor(name);
    await refresh();
    toasts.say(`${title} scores again.`);
  });
  on(panel, "plan", async ({ name, plan }) => {
    const made = await api.planRegressor(name, { generator: session.edit.generator, plan });
    await refresh();
    const [low, high] = made.span;
    toasts.say(`${made.title} scored ${made.trust?.n} pictures, from about ${low} to ${high}.`);
    panel.chosen = name;
  });
  on(panel, "forget", async ({ name }) => {
    await api.removeRegressor(name);
    await refresh();
  });
  attempt(refresh);
  return { show, upload, rate };
}
