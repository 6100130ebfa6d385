/** Connects the state to the elements that show it. */

import { inFull } from "./api.js";
import { $ } from "../elements/dom.js";
import { inWords } from "../picture/edit.js";

/** @type {SliderConfig} */
const TRUNCATION = {
  name: "Truncation",
  unit: { symbol: "", neutral: 1, scale: "linear", decimals: 2 },
  track: [0, 2],
  range: [0, 2],
  step: 0.05,
};

const LARGEST = 860; // px
const BLOWN_UP = 4; // a picture of few pixels is blurred by more than this

/** @param {Page} page */
export function bindViews({ history, session, store }) {
  const sliders = $("slider-panel");
  const stage = $("picture-stage");
  const tree = $("history-tree");
  const status = $("status-bar");
  const truncation = /** @type {import("../sliders/amount-slider.js").AmountSlider} */ ($("#truncation"));
  truncation.config = TRUNCATION;
  truncation.about =
    "How far pictures may differ from the average one: below 1 they are more alike and cleaner, above 1 more varied and odder.";

  store.watch(["generators", "jobs", "edit"], ({ generators, jobs, edit }) => {
    $("generator-picker").show({ generators, jobs, current: edit?.generator });
  });
  store.watch(["directions"], ({ directions }) => (sliders.directions = directions));
  store.watch(["swaying", "directions"], ({ swaying }) => (sliders.swaying = swaying));
  store.watch(["damaged"], ({ damaged }) => (sliders.damaged = damaged));
  store.watch(["edit", "directions", "generators"], ({ edit, directions }) => {
    const generator = session.generator();
    if (!edit || !generator) return;
    sliders.edit = edit;
    $("class-mix").generator = generator;
    $("class-mix").show(edit, generator);
    $("seed-field").base = edit.base;
    $("#picture").style.setProperty("--most", `${Math.min(LARGEST, BLOWN_UP * generator.resolution)}px`);
    truncation.amount = edit.truncation;
    const words = inWords(edit, generator, directions);
    stage.description = `Generated picture: ${words}`;
    $("#caption").textContent = words;
    document.title = `${generator.title} · Latentwalk`;
  });
  store.watch(["edit", "activeSlider", "directions", "link", "timeline"], ({ edit, activeSlider, link, timeline }) => {
    sliders.active = activeSlider;
    $("film-strip").show(edit, session.direction(activeSlider), link === "open" && !timeline); // hidden below the timeline
  });
  store.watch(["edit", "activeSlider", "directions", "generators"], ({ edit, activeSlider }) => {
    const generator = session.generator();
    if (edit && generator) $("layer-mix").show(edit, generator, session.direction(activeSlider));
  });
  store.watch(["comparing"], ({ comparing }) => {
    stage.comparing = comparing;
    $("#compare").setAttribute("aria-pressed", String(comparing));
  });
  store.watch(["problem", "directions"], ({ problem, activeSlider }) => {
    sliders.problem = problem && { id: activeSlider, ...problem };
    $("#spoken").textContent = problem ? inFull(problem) : "";
  });
  store.watch(["link"], ({ link }) => {
    status.link = link;
    if (link === "open") tree.retry();
  });
  store.watch(["device", "edit", "generators"], ({ device }) => {
    status.device = [device.toUpperCase(), session.generator()?.precision].filter(Boolean).join(" · ");
  });
  /** @type {ImageGenerator | null} */
  let card = null;
  store.watch(["edit", "generators"], () => {
    const generator = session.generator();
    if (!generator || JSON.stringify(generator) === JSON.stringify(card)) return;
    card = generator;
    $("model-card").generator = generator;
  });
  history.addEventListener("change", () => tree.show(history));
}
