/** Opens files dropped on the page or chosen with its button: installs sliders and models, opens pictures and walks. */

import { $, listener } from "../elements/dom.js";
import { edit } from "../picture/edit.js";
import { inFull } from "../shell/api.js";
import { freeName } from "../elements/form.js";
import { recognise } from "./file-kinds.js";

/**
 * @param {Page} page
 * @param {{walk: import("../walk/walk-controller.js").WalkController, regressors: {upload: (file: File) => Promise<void>, rate: (file: File) => Promise<void>}}} parts
 */
export function bindFileDrop({ api, attempt, jobs, session, store, toasts }, { walk, regressors }) {
  const sliders = $("slider-panel");
  const picker = /** @type {HTMLInputElement} */ ($("#file"));
  const passport = $("passport-dialog");
  let depth = 0;
  /** @param {number} by */
  const over = (by) => {
    depth = Math.max(0, depth + by);
    document.body.toggleAttribute("data-drop", depth > 0);
  };
  /** @param {DragEvent} event */
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

  document.addEventListener("dragenter", (event) => holdsFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    over(-depth);
    if (event.defaultPrevented) return; // another part of the page has handled it
    event.preventDefault();
    openAll(event.dataTransfer?.files ?? []);
  });
  $("#open-file").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    openAll(picker.files ?? []);
    picker.value = "";
  });

  const on = listener(attempt);
  on(passport, "keep", async ({ id, ...said }) => {
    const { name, title } = await api.keepGenerator(id, said);
    passport.close();
    store.set({ generators: await api.generators() });
    const action = { label: "Open it", run: () => attempt(() => session.choose(name)) };
    toasts.say(`${title} was installed.`, { action });
  });
  on(passport, "look", async ({ id, name, graph }) => passport.open(await api.seeGraph(id, name, graph)));
  on(passport, "drop", ({ id }) => api.dropGenerator(id));

  // A checkpoint: shows what it contains; nothing is installed before somebody confirms it.
  /** @param {File} file */
  async function see(file) {
    toasts.say(`Opening “${file.name}” in a sandbox…`);
    const taken = new Set(store.state.generators.map(({ name }) => name));
    await import("../modes/passport-dialog.js"); // defines the dialog
    passport.open(await api.seeGenerator(freeName(file.name, taken, "generator"), file));
  }

  // Directions or a latent of another program, for the current generator.
  /**
   * @param {File} file
   * @param {boolean} maybe
   */
  async function takeIn(file, maybe) {
    const { generator } = session.edit;
    let found;
    try {
      found = await api.uploadForeign(generator, file);
    } catch (error) {
      if (maybe && /neither directions nor|no single latent/.test(inFull(/** @type {Problem} */ (error)))) return see(file);
      throw error;
    }
    if (found.base) {
      if (await session.open(edit({ generator, base: found.base }), `Opened ${file.name}`)) {
        toasts.say(`“${file.name}” holds a latent: it replaced the picture. Undo brings the previous one back.`);
      }
      return;
    }
    await session.refreshDirections();
    sliders.highlight(found.directions[0].id);
    const count = found.directions.length;
    toasts.say(`Installed ${count === 1 ? "a slider" : `${count} sliders`} from “${file.name}”.`);
  }

  /** @param {Iterable<File>} files */
  function openAll(files) {
    for (const file of files) attempt(() => open(file));
  }

  // A picture may have to be projected, which takes seconds: its card is there before anything is sent.
  /** @param {File} file */
  function open(file) {
    const inverts = session.generator(session.edit.generator)?.inverts;
    if (!inverts || !file.type.startsWith("image/")) return openKnown(file);
    const parts = { kind: "invert", title: `Opening “${file.name}”`, message: "Reading the picture…" };
    return jobs.expect(parts, () => openKnown(file));
  }

  /** @param {File} file */
  async function openKnown(file) {
    const { generator } = session.edit;
    const found = await recognise(file, api).catch((error) => {
      // A picture without a recipe can still be projected, if the generator has an encoder.
      if (error.picture && session.generator(generator)?.inverts) return { kind: "picture" };
      throw error;
    });
    if (found.kind === "picture") return jobs.add(await api.invert(generator, file));
    const label = `Opened ${file.name}`;
    if (found.kind === "sound") return walk.hear(file);
    if (found.kind === "edit") {
      if (await session.open(found.edit, label)) toasts.say(`Opened the picture in “${file.name}”.`);
      return;
    }
    if (found.kind === "regressor") {
      // A graph that accepts no pictures may be a generator.
      return regressors.upload(file).catch((error) => see(file).catch(() => Promise.reject(error)));
    }
    if (found.kind === "ratings") return regressors.rate(file);
    if (found.kind === "walk") {
      if (!(await session.openTimeline(found.timeline, label))) return;
      walk.show();
      return toasts.say(`Opened the walk in “${file.name}”. ${found.credential?.sentence ?? ""}`.trim());
    }
    if (found.kind === "generator") return see(file);
    if (found.kind === "foreign") return takeIn(file, found.maybe !== null);
    const direction = await api.uploadDirection(file);
    if (direction.generator !== session.edit.generator) {
      return toasts.say(
        `${direction.name} was installed for ${session.generator(direction.generator)?.title ?? direction.generator}.`,
      );
    }
    await session.refreshDirections();
    sliders.highlight(direction.id);
    toasts.say(`${direction.name} was installed.`);
  }
}
