/** The panels beside the picture (setup, learn, judges, export): opening, closing, and what becomes of their jobs. */

import "./components/learn-panel.js";
import "./components/export-panel.js";
import { wireJudges } from "./judges.js";

const $ = (selector) => document.querySelector(selector);

/**
 * Wire the panels. One is open at a time; the sliders stay usable beside it.
 * @returns {{toggle: (name: string) => void, judges: object}}
 */
export function wirePanels({ store, session, jobs, api, toasts, sliders, attempt }) {
  const learn = $("learn-panel");
  const film = $("export-panel");
  const refreshExports = async () => store.set({ exports: await api.exports() });
  const loaders = {
    learn: async () => (learn.transforms = await api.transforms(session.edit.generator)),
    export: refreshExports,
    judge: () => judges.refresh(),
    setup: () => {},
  };
  const dock = new Dock((name) => attempt(loaders[name]));
  const open = () => dock.open === "judge" || dock.toggle("judge");
  const judges = wireJudges({ store, session, jobs, api, toasts, attempt, open });

  store.watch(["jobs"], ({ jobs: list }) => {
    learn.jobs = list;
    film.jobs = list;
  });
  store.watch(["directions"], ({ directions }) => {
    learn.directions = directions;
    film.directions = directions;
    if (dock.open === "learn" && session.edit) attempt(loaders.learn);
  });
  store.watch(["hand"], ({ hand }) => (film.hand = hand));
  store.watch(["exports"], ({ exports }) => (film.exports = exports));

  learn.addEventListener("learn", ({ detail }) =>
    attempt(async () => jobs.add(await api.learn({ generator: session.edit.generator, ...detail }))),
  );
  learn.addEventListener("discover", ({ detail }) =>
    attempt(async () => jobs.add(await api.discover({ generator: session.edit.generator, ...detail }))),
  );
  film.addEventListener("export", ({ detail }) =>
    attempt(async () => jobs.add(await api.startExport({ edit: session.edit, ...detail }))),
  );
  film.addEventListener("remove", ({ detail }) =>
    attempt(async () => {
      await api.removeExport(detail.id);
      await refreshExports();
    }),
  );
  document.addEventListener("cancel", ({ detail }) => detail?.id && attempt(() => jobs.cancel(detail.id)));
  jobs.addEventListener("finished", ({ detail: job }) => attempt(() => finished(job)));

  async function finished({ kind, state, title, error, result }) {
    if (state === "failed" || state === "interrupted") {
      const reason = error ? `${error.message} ${error.hint ?? ""}`.trim() : "The server was stopped meanwhile.";
      return toasts.say(`${title}: ${reason}`, { kind: "problem" });
    }
    if (state !== "done") return;
    if (kind === "pull") {
      store.set({ generators: await api.generators() });
      const generator = session.generator(result.generator);
      const action = { label: "Open it", run: () => attempt(() => session.choose(generator.name)) };
      toasts.say(`${generator.title} is ready.`, { action });
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
    for (const button of document.querySelectorAll("[data-close]"))
      button.addEventListener("click", () => this.close());
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
    const opener = document.querySelector(`[data-panel="${this.open}"]`);
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
