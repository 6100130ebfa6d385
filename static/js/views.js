/** State to elements: every part of the page that follows the store, told only what it shows. */

import { inFull } from "./api.js";
import { $ } from "./dom.js";
import { inWords } from "./edit.js";

const TRUNCATION = Object.freeze({
  name: "Truncation",
  unit: { symbol: "", neutral: 1, scale: "linear", decimals: 2 },
  track: [0, 2],
  range: [0, 2],
  step: 0.05,
});

export function wireViews({ store, session, history }) {
  const sliders = $("slider-panel");
  const stage = $("picture-stage");
  const tree = $("history-tree");
  const status = $("status-bar");
  $("#truncation").config = TRUNCATION;

  store.watch(["generators", "jobs", "edit"], ({ generators, jobs, edit }) => {
    $("generator-picker").show({ generators, jobs, current: edit?.generator });
  });
  store.watch(["directions"], ({ directions }) => (sliders.directions = directions));
  store.watch(["edit", "directions", "generators"], ({ edit, directions }) => {
    const generator = session.generator();
    if (!edit || !generator) return;
    sliders.edit = edit;
    $("class-mix").generator = generator;
    $("class-mix").show(edit, generator);
    $("seed-field").base = edit.base;
    $("#truncation").amount = edit.truncation;
    const words = inWords(edit, generator, directions);
    stage.description = `Generated picture: ${words}`;
    $("#caption").textContent = words;
    document.title = `${generator.title} · Latentwalk`;
  });
  store.watch(["edit", "hand", "directions", "link", "timeline"], ({ edit, hand, link, timeline }) => {
    sliders.hand = hand;
    $("film-strip").show(edit, session.direction(hand), link === "open" && !timeline); // hidden below the timeline
  });
  store.watch(["edit", "hand", "directions", "generators"], ({ edit, hand }) => {
    if (edit && session.generator()) $("layer-mix").show(edit, session.generator(), session.direction(hand));
  });
  store.watch(["comparing"], ({ comparing }) => {
    stage.comparing = comparing;
    $("#compare").setAttribute("aria-pressed", comparing);
  });
  store.watch(["trouble", "directions"], ({ trouble, hand }) => {
    sliders.problem = trouble && { id: hand, ...trouble };
    $("#spoken").textContent = trouble ? inFull(trouble) : "";
  });
  store.watch(["link"], ({ link }) => {
    status.link = link;
    if (link === "open") tree.retry();
  });
  store.watch(["device", "edit", "generators"], ({ device }) => {
    status.device = [device.toUpperCase(), session.generator()?.precision].filter(Boolean).join(" · ");
  });
  let card = null;
  store.watch(["edit", "generators"], () => {
    const generator = session.generator();
    if (!generator || JSON.stringify(generator) === JSON.stringify(card)) return;
    card = generator;
    $("model-card").generator = generator;
  });
  history.addEventListener("change", () => tree.show(history));
}
