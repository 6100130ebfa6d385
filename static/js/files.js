/** Files dropped on the page or picked with its button: sliders, judges, generators and sounds are taken in, our pictures opened. */

import { $, listener } from "./dom.js";
import "./components/passport-dialog.js";
import { edit } from "./edit.js";
import { freeName } from "./form.js";
import { recognise } from "./opening.js";

const PICTURES = /\.(png|jpe?g|webp)$/i;

export function wireFiles({ store, session, api, jobs, timeline, toasts, sliders, attempt, judges }) {
  const picker = $("#file");
  const passport = $("passport-dialog");
  let depth = 0;
  const over = (by) => {
    depth = Math.max(0, depth + by);
    document.body.toggleAttribute("data-drop", depth > 0);
  };
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

  document.addEventListener("dragenter", (event) => holdsFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    over(-depth);
    if (event.defaultPrevented) return; // some part of the page has taken it
    event.preventDefault();
    bring(event.dataTransfer.files);
  });
  $("#open-file").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    bring(picker.files);
    picker.value = "";
  });

  const on = listener(attempt);
  on(passport, "keep", async ({ id, ...said }) => {
    const { name, title } = await api.keepGenerator(id, said);
    passport.close();
    store.set({ generators: await api.generators() });
    const action = { label: "Open it", run: () => attempt(() => session.choose(name)) };
    toasts.say(`${title} is kept.`, { action });
  });
  on(passport, "drop", ({ id }) => api.dropGenerator(id));

  // A checkpoint: what it holds is shown, and nothing of it is kept until somebody says so.
  async function see(file) {
    toasts.say(`Opening “${file.name}” in a jail…`);
    const taken = new Set(store.state.generators.map(({ name }) => name));
    passport.open(await api.seeGenerator(freeName(file.name, taken, "generator"), file), taken);
  }

  // Directions or a latent of another program, for the generator on show.
  async function takeIn(file, maybe) {
    const { generator } = session.edit;
    let found;
    try {
      found = await api.uploadForeign(generator, file);
    } catch (error) {
      if (maybe && /neither directions nor|no single latent/.test(error.message)) return see(file);
      throw error;
    }
    if (found.base) return session.open(edit({ generator, base: found.base }), `Opened ${file.name}`);
    await session.refreshDirections();
    sliders.highlight(found.directions[0].id);
    toasts.say(`${found.directions.length} sliders of “${file.name}” were installed.`);
  }

  function bring(files) {
    for (const file of files) attempt(() => open(file));
  }

  async function open(file) {
    const { generator } = session.edit;
    const found = await recognise(file, api).catch((error) => {
      // A picture that is none of ours can still be brought in, where the generator has an encoder.
      if (PICTURES.test(file.name) && session.generator(generator)?.inverts) return { kind: "picture" };
      throw error;
    });
    if (found.kind === "picture") return jobs.add(await api.invert(generator, file));
    const label = `Opened ${file.name}`;
    if (found.kind === "sound") return timeline.hear(file);
    if (found.kind === "edit") {
      if (await session.open(found.edit, label)) toasts.say(`Opened the picture in “${file.name}”.`);
      return;
    }
    if (found.kind === "judge") {
      return judges.bring(file).catch((error) => {
        if (!file.name.toLowerCase().endsWith(".onnx")) throw error;
        return see(file).catch(() => Promise.reject(error)); // it takes no pictures: perhaps it makes some
      });
    }
    if (found.kind === "walk") {
      if (!(await session.openTimeline(found.timeline, label))) return;
      timeline.show();
      return toasts.say(`Opened the walk in “${file.name}”. ${found.credential?.sentence ?? ""}`.trim());
    }
    if (found.kind === "generator") return see(file);
    if (found.kind === "foreign") return takeIn(file, found.maybe);
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
