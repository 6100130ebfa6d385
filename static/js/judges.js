/** The judges' panel and the score under the picture, joined to the session, the jobs and the server. */

import { $, listener } from "./dom.js";
import "./components/judge-panel.js";
import "./components/score-readout.js";
import { freeName } from "./form.js";

const FIRST = "brightness";

export function wireJudges({ store, session, jobs, api, toasts, attempt, open }) {
  const panel = $("judge-panel");
  const readout = $("score-readout");
  const picker = $("#file");
  const on = listener(attempt);
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
  on(panel, "pick", ({ name }) => follow(name));
  on(panel, "bring", () => picker.click());
  on(panel, "learn", async ({ regressor, ...request }) =>
    jobs.add(await api.learnScore(regressor, { generator: session.edit.generator, ...request })),
  );
  on(panel, "rated", async (rated) => jobs.add(await api.rate({ generator: session.edit.generator, ...rated })));
  on(panel, "describe", async ({ name, ...said }) => {
    await api.describeRegressor(name, said);
    await refresh();
    toasts.say("The card is kept.");
  });
  on(panel, "plan", async ({ name, plan }) => {
    const made = await api.planRegressor(name, { generator: session.edit.generator, plan });
    await refresh();
    const [low, high] = made.span;
    toasts.say(`${made.title} was tried on ${made.trust.n} pictures. Its scores lie about ${low} to ${high}.`);
    panel.judge = name;
  });
  on(panel, "forget", async ({ name }) => {
    await api.removeRegressor(name);
    await refresh();
  });
  attempt(refresh);
  return { refresh, show, bring };
}
