/** Connects buttons, sliders and keys to the commands of the session. */

import { $, elementOf, setIcon } from "../elements/dom.js";
import { linkTo } from "../picture/links.js";
import { MODES } from "./modes.js";
import { listen } from "./shortcuts/shortcuts.js";
import { theme, themeAfter, useTheme } from "./theme.js";

/** @type {Record<string, string>} */
const ICON_OF = { auto: "auto", light: "sun", dark: "moon" };

/**
 * @param {Page} page
 * @param {import("../walk/walk-controller.js").WalkController} walk
 */
export function bindCommands({ api, attempt, dock, jobs, modes, session, store, sway, toasts }, walk) {
  const sliders = $("slider-panel");
  const truncation = /** @type {import("../sliders/amount-slider.js").AmountSlider} */ ($("#truncation"));
  /**
   * @param {EventTarget} element
   * @param {string} type
   * @param {(event: any) => unknown} run
   */
  const on = (element, type, run) => element.addEventListener(type, (event) => attempt(() => run(event)));
  /** @param {CustomEvent<string>} event */
  const warn = ({ detail }) => toasts.say(detail, { kind: "problem" });

  for (const type of ["input", "change"]) {
    on(sliders, type, ({ target }) => {
      const slider = target.closest("direction-slider");
      if (!slider) return;
      sway.release(slider.direction.id);
      session.move(slider.direction.id, slider.amount, type === "change");
    });
    on(truncation, type, () => session.truncate(truncation.amount, type === "change"));
    on($("class-mix"), type, () => session.mix($("class-mix").weights, type === "change"));
  }
  on($("layer-mix"), "layers", ({ detail }) => session.commit(detail.edit, { label: detail.label }));
  on(sliders, "focusin", ({ target }) => {
    const slider = target.closest("direction-slider");
    if (slider) store.set({ activeSlider: slider.direction.id });
  });
  on(sliders, "hold", ({ target, detail }) => session.hold(target.direction.id, detail.held));
  on(sliders, "sway", ({ target }) => sway.toggle(target.direction.id));
  on(sliders, "rest", () => rest());
  on(sliders, "report", async ({ target }) => {
    const { generator, id } = target.direction;
    target.details = await api.direction(generator, id).catch(() => null);
  });
  on(sliders, "remove", async ({ target }) => {
    const { direction } = target.closest("direction-slider");
    await api.removeDirection(direction.generator, direction.id);
    await session.refreshDirections();
    toasts.say(`${direction.name} was deleted.`);
  });
  on(sliders, "discard", async ({ detail }) => {
    await api.removeDirection(session.edit.generator, detail.id);
    await session.refreshDirections();
    toasts.say(`The damaged slider ${detail.id} was deleted.`);
  });
  on($("film-strip"), "change", ({ detail }) => session.move(detail.id, detail.amount, true));
  on($("picture-stage"), "compare", ({ detail }) => session.compare(detail.comparing));
  on($("seed-field"), "change", ({ detail }) => session.seed(detail.seed, "seed"));
  on($("seed-field"), "roll", () => session.roll());
  on($("generator-picker"), "change", async ({ detail }) => {
    try {
      await session.choose(detail.name);
    } finally {
      const { generators, jobs: list, edit } = store.state;
      $("generator-picker").show({ generators, jobs: list, current: edit?.generator });
    }
  });
  on($("generator-picker"), "pull", async ({ detail }) => jobs.add(await api.pull(detail.name)));
  on($("history-tree"), "undo", () => session.undo());
  on($("history-tree"), "redo", () => session.redo());
  on($("history-tree"), "goto", ({ detail }) => session.goTo(detail.id));
  on(document, "remark", warn);
  on(session, "remark", warn);
  on($("#share"), "click", share);
  on($("#save"), "click", save);
  on($("#help"), "click", () => $("shortcuts-dialog").open());
  on($("#theme"), "click", () => applyTheme(themeAfter(theme())));
  applyTheme(theme());
  bindCompareButton($("#compare"), { session, store });
  stopWithSpace(sway);
  listen({
    undo: () => attempt(() => session.undo()),
    redo: () => attempt(() => session.redo()),
    compare: (pressed) => session.compare(pressed),
    roll: () => session.roll(),
    rest,
    search: () => sliders.search(),
    share: () => attempt(share),
    save: () => attempt(save),
    learn: () => dock.toggle("learn"),
    attributes: () => dock.toggle("attributes"),
    export: () => dock.toggle("export"),
    bookmarks: () => dock.toggle("bookmarks"),
    walk: () => walk.toggle(),
    keyframe: () => walk.add(),
    update: () => walk.update(),
    play: () => walk.play(),
    help: () => $("shortcuts-dialog").open(),
    ...Object.fromEntries(MODES.map(({ id }) => [`mode:${id}`, () => attempt(() => modes.toggle(id))])),
  });

  function rest() {
    sway.stop();
    session.rest();
  }

  async function share() {
    try {
      await navigator.clipboard.writeText(linkTo(session.edit));
      toasts.say("Link copied. It opens exactly this picture.");
    } catch {
      toasts.say("The browser did not allow copying. The link is in the address bar.", { kind: "problem" });
    }
  }

  async function save() {
    const { edit } = session;
    const href = URL.createObjectURL(await api.still(edit));
    const download = `${edit.generator}-${edit.base.seed ?? "mix"}.png`;
    Object.assign(document.createElement("a"), { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }
}

// Held by pointer or key; a click without either (a screen reader's) turns it on and off instead.
/**
 * @param {HTMLElement} button
 * @param {Pick<Page, "session" | "store">} parts
 */
function bindCompareButton(button, { session, store }) {
  let held = false;
  const press = () => session.compare((held = true));
  const release = () => session.compare(false);
  button.addEventListener("pointerdown", press);
  for (const type of ["pointerup", "pointercancel", "pointerleave", "blur", "keyup"]) {
    button.addEventListener(type, release);
  }
  button.addEventListener("keydown", ({ key, repeat }) => [" ", "Enter"].includes(key) && !repeat && press());
  button.addEventListener("click", () => {
    if (!held) session.compare(!store.state.comparing);
    held = false;
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

// Whatever has the focus, except a field for text: Space stops all sliders that play, and presses nothing then.
/** @param {Page["sway"]} sway */
function stopWithSpace(sway) {
  let stopped = false;
  const swallow = (/** @type {KeyboardEvent} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener(
    "keydown",
    (event) => {
      stopped = event.key === " " && sway.active && !elementOf(event).matches("input[type=text], input[type=search], textarea");
      if (!stopped) return;
      sway.stop();
      swallow(event);
    },
    { capture: true },
  );
  addEventListener("keyup", (event) => event.key === " " && stopped && swallow(event), { capture: true });
}

/** @param {string} name */
function applyTheme(name) {
  const button = $("#theme");
  const words = name === "auto" ? "system" : name;
  useTheme(name);
  setIcon(button, ICON_OF[name] ?? "auto");
  button.setAttribute("aria-label", `Theme: ${words}`);
  button.title = `Theme: ${words}`;
}
