/** The panels beside the picture (setup, learn, judges, export, bookmarks): opening, closing, and what becomes of their jobs. */

import { inFull } from "./api.js";
import { $, listener } from "./dom.js";
import "./components/bookmark-panel.js";
import "./components/learn-panel.js";
import "./components/export-panel.js";
import "./components/film-library.js";
import { wireJudges } from "./judges.js";
import { edit, parseEdit } from "./edit.js";
import { timelineOf } from "./recipe.js";
import { moves } from "./walk.js";

const QUIET = 300; // ms without a change before a film's cost is asked for

/** Wire the panels. One is open at a time; the sliders stay usable beside it. */
export function wirePanels({ store, session, jobs, api, timeline, toasts, sliders, attempt }) {
  const learn = $("learn-panel");
  const film = $("export-panel");
  const library = $("film-library");
  const bookmarks = $("bookmark-panel");
  const on = listener(attempt);
  const leaving = new Set(); // films that are deleted unless somebody takes it back
  const refreshExports = async () => store.set({ exports: await api.exports() });
  const recipe = () => timelineOf(store.state.walk, session.edit.generator, store.state.output);
  const loaders = {
    learn: async () => (learn.transforms = await api.transforms(session.edit.generator)),
    judge: () => judges.refresh(),
    bookmarks: readBookmarks,
    export: async () => {
      estimate();
      await refreshExports();
      library.about = (await api.provenance()).sentence;
    },
    setup: () => {},
  };
  const dock = new Dock((name) => attempt(loaders[name]));
  const walks = () => store.state.timeline && store.state.walk.stops.length > 0;

  async function readBookmarks() {
    try {
      bookmarks.show(await api.bookmarks(), session.edit?.generator);
    } catch (error) {
      bookmarks.say(inFull(error));
    }
  }

  async function keep(bookmark) {
    await api.keep(bookmark);
    await readBookmarks();
  }

  const open = () => dock.open === "judge" || dock.toggle("judge");
  const judges = wireJudges({ store, session, jobs, api, toasts, attempt, open });

  store.watch(["jobs"], ({ jobs: list }) => {
    learn.jobs = list;
    film.jobs = list;
  });
  store.watch(["directions"], ({ directions }) => {
    learn.directions = directions;
    if (dock.open === "learn" && session.edit) attempt(loaders.learn);
  });
  const listed = () => (library.films = store.state.exports.filter(({ id }) => !leaving.has(id)));
  store.watch(["exports"], listed);
  store.watch(["walk", "output", "generators", "edit"], ({ walk, output, edit }) => {
    if (edit) film.show({ walk, output, generator: session.generator() });
  });
  store.watch(["walk", "output"], () => dock.open === "export" && estimate());

  let timer = 0;
  let stale = new AbortController();
  function estimate() {
    clearTimeout(timer);
    stale.abort();
    stale = new AbortController();
    if (!moves(store.state.walk)) return;
    const { signal } = stale;
    film.estimate = null;
    timer = setTimeout(() => {
      const taken = (found) => signal.aborted || (film.estimate = found);
      api.estimate(recipe(), signal).then(taken, taken);
    }, QUIET);
  }

  const start = async (job) => jobs.add(await job);
  on(learn, "learn", (wish) => start(api.learn({ generator: session.edit.generator, ...wish })));
  on(learn, "discover", (wish) => start(api.discover({ generator: session.edit.generator, ...wish })));
  on(film, "export", () => start(api.startExport(recipe())));
  on(film, "alter", ({ walk, label }) => session.alterWalk(walk, { label, key: "" }));
  on(film, "output", (changes) => store.set({ output: { ...store.state.output, ...changes } }));
  on(film, "presets", () => timeline.presets());
  on(library, "check", async ({ file }) => (library.answer = { name: file.name, ...(await api.madeHere(file)) }));
  on(library, "layout", async ({ film: { recipe: made, title } }) => {
    if (await session.openTimeline(made, `Laid out ${title}`)) timeline.show();
  });
  on(library, "recipe", async ({ film: made }) => {
    await navigator.clipboard.writeText(JSON.stringify(made.recipe, null, 2));
    toasts.say("Recipe copied: “latentwalk export” renders it anywhere.");
  });
  on(library, "remove", ({ film: { id, title } }) => {
    leaving.add(id);
    listed();
    const back = () => {
      leaving.delete(id);
      listed();
    };
    const gone = () =>
      attempt(async () => {
        await api.removeExport(id).finally(() => leaving.delete(id));
        await refreshExports();
      });
    toasts.say(`${title} was deleted.`, { action: { label: "Undo", run: back }, unused: gone });
  });
  store.watch(["edit", "walk", "timeline", "directions"], ({ walk }) => {
    bookmarks.offer(walks() ? "walk" : "picture", (walks() && walk.title) || $("#caption").textContent);
  });
  on(bookmarks, "keep", async ({ title }) => {
    await keep({ title, ...(walks() ? { timeline: recipe() } : { edit: session.edit }) });
    bookmarks.clear();
    toasts.say(`${title} is kept.`);
  });
  on(bookmarks, "open", async ({ title, edit: picture, timeline: walk }) => {
    const label = `Opened ${title}`;
    if (picture) await session.open(parseEdit(picture), label);
    else if (await session.openTimeline(walk, label)) timeline.show();
    await readBookmarks(); // those of the generator now on show have pictures
  });
  on(bookmarks, "remove", async ({ id, title, kind, [kind]: state }) => {
    await api.removeBookmark(id);
    await readBookmarks();
    const back = () => attempt(() => keep({ title, [kind]: state }));
    toasts.say(`${title} was deleted.`, { action: { label: "Undo", run: back } });
  });
  on(document, "cancel", (job) => job?.id && jobs.cancel(job.id));
  on(jobs, "finished", finished);

  async function finished({ kind, state, title, error, result }) {
    if (state === "failed" || state === "interrupted") {
      const reason = error ? inFull(error) : "The server was stopped meanwhile.";
      return toasts.say(`${title}: ${reason}`, { kind: "problem" });
    }
    if (state !== "done") return;
    if (kind === "pull") {
      store.set({ generators: await api.generators() });
      const generator = session.generator(result.generator);
      const action = { label: "Open it", run: () => attempt(() => session.choose(generator.name)) };
      toasts.say(`${generator.title} is ready.`, { action });
    }
    if (kind === "invert") {
      const { generator, base, classes } = result;
      await session.open(edit({ generator, base, classes }), "A picture brought in");
      toasts.say(`This is as near as ${session.generator(generator).title} comes to that picture.`);
    }
    if (kind === "export") {
      await refreshExports();
      const action = dock.open === "export" ? null : { label: "Show", run: () => dock.toggle("export") };
      toasts.say("The film is ready.", { action });
    }
    if (kind === "judge") {
      await judges.show(result.regressor);
      toasts.say(`A judge was made of the ratings. They correlate by ${result.correlation.toFixed(2)} where held out.`);
    }
    if (["learn", "discover", "score"].includes(kind) && result.generator === session.edit?.generator) {
      await session.refreshDirections();
      const id = result.direction ?? result.directions?.[0];
      if (session.direction(id)) store.set({ hand: id });
      sliders.highlight(id);
      const name = session.direction(id)?.name ?? "The new slider";
      toasts.say(kind !== "discover" ? `${name} is ready to use.` : "New directions were discovered.");
    }
  }

  return { toggle: (name) => dock.toggle(name), judges };
}

/** The place beside the picture: setup by default, a dialog for the others; a sheet from below on narrow screens. */
class Dock {
  open = null;
  #opened;

  constructor(opened) {
    this.#opened = opened;
    for (const button of document.querySelectorAll("[data-panel]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.panel));
    }
    for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      const inside = event.target.closest?.("[data-dock]");
      if (event.key === "Escape" && this.open && inside) this.close();
    });
  }

  toggle(name) {
    const again = name === this.open;
    this.close();
    if (again) return;
    this.open = name;
    document.body.dataset.open = name;
    const panel = $(`[data-dock="${name}"]`);
    if (panel.localName === "dialog") panel.show();
    panel.querySelector("h2").focus();
    this.#mark();
    this.#opened(name);
  }

  close() {
    if (!this.open) return;
    const panel = $(`[data-dock="${this.open}"]`);
    const hadFocus = panel.contains(document.activeElement);
    if (panel.localName === "dialog") panel.close();
    delete document.body.dataset.open;
    const opener = $(`[data-panel="${this.open}"]`);
    this.open = null;
    this.#mark();
    if (hadFocus) opener.focus();
  }

  #mark() {
    for (const button of document.querySelectorAll("[data-panel]")) {
      button.setAttribute("aria-expanded", button.dataset.panel === this.open);
    }
  }
}
