/** The judges' panel and the score under the picture, joined to the session, the jobs and the server. */

import "./components/judge-panel.js";
import "./components/score-readout.js";
import { freeName } from "./names.js";

const FIRST = "brightness";

/**
 * Wire them.
 * @returns {{refresh: () => Promise<void>, show: (name: string) => Promise<void>, bring: (file: File) => Promise<void>}}
 */
export function wireJudges({ store, session, jobs, api, toasts, attempt, open }) {
  const panel = document.querySelector("judge-panel");
  const readout = document.querySelector("score-readout");
  const picker = document.querySelector("#file");
  let judges = [];

  async function refresh() {
    judges = await api.regressors();
    panel.judges = judges;
    follow(panel.judge || FIRST);
  }

  function follow(name) {
    const judge = judges.find((one) => one.name === name && one.installed);
    if (judge) readout.judge = judge;
  }

  async function show(name) {
    open();
    await refresh();
    panel.judge = name;
    follow(name);
  }

  async function bring(file) {
    const name = freeName(file.name, new Set(judges.map((one) => one.name)), "judge");
    if (file.name.toLowerCase().endsWith(".csv")) {
      const csv = await file.text();
      jobs.add(await api.rate({ name, generator: session.edit.generator, csv }));
      return open();
    }
    toasts.say(`Opening “${file.name}” in a jail…`);
    const made = await api.uploadRegressor(name, file);
    await show(made.name);
    toasts.say(`${made.title} was opened. Say how it wants its pictures, then fill in its card.`);
  }

  readout.ask = (name, edit) => api.score(name, edit);
  store.watch(["edit"], ({ edit }) => (panel.edit = readout.edit = edit));
  store.watch(["directions"], ({ directions }) => (panel.directions = directions));
  store.watch(["jobs"], ({ jobs: list }) => (panel.jobs = list));
  panel.addEventListener("pick", ({ detail }) => follow(detail.name));
  panel.addEventListener("bring", () => picker.click());
  panel.addEventListener("learn", ({ detail: { regressor, ...request } }) =>
    attempt(async () => jobs.add(await api.learnScore(regressor, { generator: session.edit.generator, ...request }))),
  );
  panel.addEventListener("rated", ({ detail }) =>
    attempt(async () => jobs.add(await api.rate({ generator: session.edit.generator, ...detail }))),
  );
  panel.addEventListener("describe", ({ detail: { name, ...said } }) =>
    attempt(async () => {
      await api.describeRegressor(name, said);
      await refresh();
      toasts.say("The card is kept.");
    }),
  );
  panel.addEventListener("plan", ({ detail: { name, plan } }) =>
    attempt(async () => {
      const made = await api.planRegressor(name, { generator: session.edit.generator, plan });
      await refresh();
      const [low, high] = made.span;
      toasts.say(`${made.title} was tried on ${made.trust.n} pictures. Its scores lie about ${low} to ${high}.`);
      panel.judge = name;
    }),
  );
  panel.addEventListener("forget", ({ detail }) =>
    attempt(async () => {
      await api.removeRegressor(detail.name);
      await refresh();
    }),
  );
  attempt(refresh);
  return { refresh, show, bring };
}
