/** Connects the Learn panel to the server's jobs. */

import { $, listener } from "../../elements/dom.js";
import "./learn-panel.js";

/** @param {Page} page */
export function bindLearn({ api, attempt, dock, jobs, session, store }) {
  const panel = $("learn-panel");
  const on = listener(attempt);
  const load = async () => {
    panel.transforms = await api.transforms(session.edit.generator);
  };

  dock.register("learn", load);
  store.watch(["jobs"], ({ jobs: list }) => (panel.jobs = list));
  store.watch(["directions"], ({ directions, edit }) => {
    panel.directions = directions;
    if (dock.open === "learn" && edit) attempt(load);
  });
  on(panel, "learn", async (request) => jobs.add(await api.learn({ generator: session.edit.generator, ...request })));
  on(panel, "discover", async (request) =>
    jobs.add(await api.discover({ generator: session.edit.generator, ...request })),
  );
}
