/** Connects the export panel and the list of films to the walk and to the server. */

import { $, listener } from "../elements/dom.js";
import { moves } from "../walk/walk.js";
import "./export-panel.js";
import "./film-library.js";

const QUIET = 300; // ms without a change before the cost of a film is asked for

/**
 * @param {Page} page
 * @param {import("../walk/walk-controller.js").WalkController} walk
 */
export function bindFilms({ api, attempt, dock, jobs, session, store, toasts }, walk) {
  const panel = $("export-panel");
  const library = $("film-library");
  const on = listener(attempt);
  /** @type {Set<string>} films that are deleted unless somebody presses Undo */
  const leaving = new Set();
  let timer = 0;
  let stale = new AbortController();

  function estimate() {
    clearTimeout(timer);
    stale.abort();
    stale = new AbortController();
    if (!moves(store.state.walk)) return;
    const { signal } = stale;
    panel.estimate = null;
    timer = setTimeout(() => {
      /** @param {Estimate | Error} found */
      const show = (found) => {
        if (!signal.aborted) panel.estimate = found;
      };
      api.estimate(session.timeline(), signal).then(show, show);
    }, QUIET);
  }

  async function refresh() {
    store.set({ exports: await api.exports() });
  }

  function list() {
    library.films = store.state.exports.filter(({ id }) => !leaving.has(id));
  }

  /** @param {{film: Film}} detail */
  function remove({ film: { id, title } }) {
    leaving.add(id);
    list();
    const run = () => {
      leaving.delete(id);
      list();
    };
    const unused = () =>
      attempt(async () => {
        await api.removeExport(id).finally(() => leaving.delete(id));
        await refresh();
      });
    toasts.say(`${title} was deleted.`, { action: { label: "Undo", run }, unused });
  }

  dock.register("export", async () => {
    estimate();
    await refresh();
    library.about = (await api.provenance()).sentence;
  });
  store.watch(["jobs"], ({ jobs: all }) => (panel.jobs = all));
  store.watch(["exports"], list);
  store.watch(["walk", "output", "generators", "edit"], (state) => {
    const generator = session.generator();
    if (state.edit && generator) panel.show({ walk: state.walk, output: state.output, generator });
  });
  store.watch(["walk", "output"], () => dock.open === "export" && estimate());
  on(panel, "export", async () => jobs.add(await api.startExport(session.timeline())));
  on(panel, "alter", ({ walk: next, label }) => session.alterWalk(next, { label, key: "" }));
  on(panel, "output", (changes) => store.set({ output: { ...store.state.output, ...changes } }));
  on(panel, "presets", () => walk.presets());
  on(library, "check", async ({ file }) => (library.answer = { name: file.name, ...(await api.madeHere(file)) }));
  on(library, "layout", async ({ film: { recipe, title } }) => {
    if (await session.openTimeline(recipe, `Opened the walk of ${title}`)) walk.show();
  });
  on(library, "recipe", async ({ film: { recipe } }) => {
    await navigator.clipboard.writeText(JSON.stringify(recipe, null, 2));
    toasts.say("Recipe copied. “latentwalk export” renders it on any machine.");
  });
  on(library, "remove", remove);

  return { refresh };
}
