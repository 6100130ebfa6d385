/** Connects the jobs to the state, and acts on what each kind of job produced. */

import { $, h, listener } from "../elements/dom.js";
import "./job-tray.js";
import { edit } from "../picture/edit.js";
import { inFull } from "../shell/api.js";

/**
 * @param {Page} page
 * @param {{films: {refresh: () => Promise<void>}, regressors: {show: (name: string) => Promise<void>}}} parts
 */
export function bindJobs({ api, attempt, dock, jobs, session, store, toasts }, { films, regressors }) {
  const on = listener(attempt);

  /** @param {any} result what the server says a job of this kind made */
  async function downloaded(result) {
    store.set({ generators: await api.generators() });
    const generator = session.generator(result.generator);
    if (!generator) return;
    const action = { label: "Open it", run: () => attempt(() => session.choose(generator.name)) };
    toasts.say(`${generator.title} is ready.`, { action });
  }

  /** @param {any} result what the server says a job of this kind made */
  async function inverted({ generator, base, classes }) {
    await session.open(edit({ generator, base, classes }), "Projected a picture");
    const title = session.generator(generator)?.title;
    toasts.say(`This is the closest picture to yours that ${title} can generate.`);
  }

  async function exported() {
    await films.refresh();
    const action = dock.open === "export" ? null : { label: "Show", run: () => dock.toggle("export") };
    toasts.say("The film is ready.", { action });
  }

  /** @param {any} result what the server says a job of this kind made */
  async function rated(result) {
    await regressors.show(result.regressor);
    toasts.say(`An attribute was learned from your ratings. Held-out correlation: ${result.correlation.toFixed(2)}`);
  }

  /**
   * @param {string} kind
   * @param {any} result what the server says a job of this kind made
   */
  async function learned(kind, result) {
    if (result.generator !== session.edit?.generator) return;
    await session.refreshDirections();
    const id = result.direction ?? result.directions?.[0];
    if (session.direction(id)) store.set({ activeSlider: id });
    $("slider-panel").highlight(id);
    const name = session.direction(id)?.name ?? "The new slider";
    if (kind !== "discover") return toasts.say(`${name} is ready to use.`);
    const count = result.directions?.length ?? 0;
    toasts.say(count ? `${count} new direction${count > 1 ? "s were" : " was"} discovered.` : "No new directions were found.");
  }

  /** @param {Job} job */
  async function finished({ kind, state, title, error, result }) {
    if (state === "failed" || state === "interrupted") {
      const reason = error ? inFull(error) : "The server was stopped before the job finished.";
      toasts.say(`${title}: ${reason}`, { kind: "problem" });
    }
    if (state !== "done") return;
    if (kind === "pull") await downloaded(result);
    if (kind === "invert") await inverted(result);
    if (kind === "export") await exported();
    if (kind === "judge") await rated(result);
    if (["learn", "discover", "score"].includes(kind)) await learned(kind, result);
  }

  const tray = /** @type {import("./job-tray.js").JobTray} */ (h("job-tray"));
  $(".sliders-foot").prepend(tray);
  jobs.addEventListener("change", () => {
    store.set({ jobs: jobs.list });
    tray.jobs = jobs.list;
  });
  on(document, "cancel", (job) => job?.id && jobs.cancel(job.id));
  on(jobs, "finished", finished);
}
