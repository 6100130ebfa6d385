/** The page's wiring: state to elements, events to commands. All logic is elsewhere. */

import "./components/picture-stage.js";
import "./components/film-strip.js";
import "./components/slider-panel.js";
import "./components/generator-picker.js";
import "./components/model-card.js";
import "./components/seed-field.js";
import "./components/class-mix.js";
import "./components/history-tree.js";
import "./components/status-bar.js";
import "./components/toast-stack.js";
import "./components/shortcuts-dialog.js";
import { api } from "./api.js";
import { setIcon } from "./dom.js";
import { inWords, parseEdit } from "./edit.js";
import { wireFiles } from "./files.js";
import { History } from "./history.js";
import { Jobs } from "./jobs.js";
import { addressWriter, editInAddress, linkTo } from "./links.js";
import { Live } from "./live.js";
import { wirePanels } from "./panels.js";
import { Session } from "./session.js";
import { listen } from "./shortcuts.js";
import { Store } from "./store.js";
import { theme, themeAfter, useTheme } from "./theme.js";

const KEPT = "latentwalk.history";
const RETRY = 1500;
const TRUNCATION = { name: "Truncation", unit: { symbol: "", neutral: 1, scale: "linear", decimals: 2 }, track: [0, 2], range: [0, 2], step: 0.05 };

const $ = (selector) => document.querySelector(selector);
const stage = $("picture-stage");
const strip = $("film-strip");
const sliders = $("slider-panel");
const tree = $("history-tree");
const status = $("status-bar");
const toasts = $("toast-stack");

const store = new Store({
  generators: [], directions: [], edit: null, hand: null, comparing: false,
  link: "connecting", device: "", trouble: null, jobs: [], exports: [],
});
const history = new History();
const jobs = new Jobs(api);
const live = new Live(() => new WebSocket(new URL("/ws/live", location.href.replace(/^http/, "ws"))));
const session = new Session({ store, history, live, api });

/** Say what went wrong in a toast; every rejected promise of a command ends here. */
function complain(error) {
  if (error.name === "AbortError") return;
  toasts.say([error.message, error.hint].filter(Boolean).join(" "), { kind: "problem" });
}
const attempt = (work) => Promise.resolve().then(work).catch(complain);
const generator = () => session.generator();

function wireState() {
  store.watch(["generators", "jobs", "edit"], ({ generators, jobs: list, edit }) => {
    $("generator-picker").show({ generators, jobs: list, current: edit?.generator });
  });
  store.watch(["directions"], ({ directions }) => (sliders.directions = directions));
  store.watch(["edit", "directions", "generators"], ({ edit, directions }) => {
    if (!edit || !generator()) return;
    sliders.edit = edit;
    $("class-mix").generator = generator();
    $("class-mix").show(edit, generator());
    $("seed-field").base = edit.base;
    $("#truncation").amount = edit.truncation;
    const words = inWords(edit, generator(), directions);
    stage.description = `Generated picture: ${words}`;
    $("#caption").textContent = words;
    document.title = `${generator().title} · Latentwalk`;
  });
  store.watch(["edit", "hand", "directions", "link"], ({ edit, hand, link }) => {
    sliders.hand = hand;
    strip.show(edit, session.direction(hand), link === "open");
  });
  store.watch(["comparing"], ({ comparing }) => {
    stage.comparing = comparing;
    $("#compare").setAttribute("aria-pressed", comparing);
  });
  store.watch(["trouble", "directions"], ({ trouble, hand }) => {
    sliders.problem = trouble && { id: hand, ...trouble };
    $("#spoken").textContent = trouble ? `${trouble.message} ${trouble.hint ?? ""}` : "";
  });
  store.watch(["link"], ({ link }) => {
    status.link = link;
    if (link === "open") tree.retry();
  });
  let card = null;
  store.watch(["edit", "generators"], () => {
    if (!generator() || generator() === card) return;
    card = generator();
    $("model-card").generator = card;
  });
  store.watch(["device", "edit"], ({ device }) => (status.device = [device.toUpperCase(), generator()?.precision].filter(Boolean).join(" · ")));
}

function wireLive() {
  let veil = 0;
  live.addEventListener("hello", ({ detail }) => store.set({ device: detail.device }));
  live.addEventListener("link", ({ detail }) => {
    store.set({ link: detail.state });
    clearTimeout(veil);
    if (detail.state === "open") stage.veil = null;
    else veil = setTimeout(() => (stage.veil = "Reconnecting. Sliders still move and are applied on return."), 700);
    if (detail.state === "open") jobs.refresh().catch(() => {}); // a poll: the next one tells
  });
  live.addEventListener("frame", async ({ detail }) => {
    try {
      await stage.show(detail);
    } finally {
      live.ack(detail.rev);
    }
    status.measure(detail);
    if (detail.rev === 1) store.set({ generators: await api.generators() }); // loading told which precision it runs in
    const { trouble } = store.state;
    if (trouble && detail.rev > trouble.rev) store.set({ trouble: null });
  });
  live.addEventListener("trouble", ({ detail }) => {
    store.set({ trouble: detail });
    if (!store.state.hand) complain(detail);
  });
  window.addEventListener("online", () => live.hurry());
}

function wireCommands() {
  const on = (element, type, run) => element.addEventListener(type, (event) => attempt(() => run(event)));
  for (const type of ["input", "change"]) {
    on(sliders, type, ({ target }) => {
      const slider = target.closest("direction-slider");
      if (slider) session.move(slider.direction.id, slider.amount, type === "change");
    });
    on($("#truncation"), type, () => session.truncate($("#truncation").amount, type === "change"));
    on($("class-mix"), type, () => session.mix($("class-mix").weights, type === "change"));
  }
  on(sliders, "focusin", ({ target }) => {
    const slider = target.closest("direction-slider");
    if (slider && slider.direction.id !== store.state.hand) store.set({ hand: slider.direction.id });
  });
  on(sliders, "hold", ({ target, detail }) => session.hold(target.direction.id, detail.held));
  on(sliders, "rest", () => session.rest());
  on(sliders, "report", async ({ target }) => {
    const { generator: name, id } = target.direction;
    target.details = await api.direction(name, id).catch(() => null);
  });
  on(sliders, "remove", async ({ target }) => {
    const { direction } = target.closest("direction-slider");
    await api.removeDirection(direction.generator, direction.id);
    await session.refreshDirections();
    toasts.say(`${direction.name} was deleted.`);
  });
  on(strip, "change", ({ detail }) => session.move(detail.id, detail.amount, true));
  on(stage, "compare", ({ detail }) => session.compare(detail.comparing));
  on($("seed-field"), "change", ({ detail }) => session.seed(detail.seed));
  on($("seed-field"), "roll", () => session.roll());
  on($("generator-picker"), "change", ({ detail }) => session.choose(detail.name));
  on($("generator-picker"), "pull", async ({ detail }) => jobs.add(await api.pull(detail.name)));
  on(tree, "undo", () => session.undo());
  on(tree, "redo", () => session.redo());
  on(tree, "goto", ({ detail }) => session.goTo(detail.id));
  on(document, "remark", ({ detail }) => toasts.say(detail, { kind: "problem" }));
  on(session, "remark", ({ detail }) => toasts.say(detail, { kind: "problem" }));
  on($("#share"), "click", share);
  on($("#save"), "click", save);
  on($("#help"), "click", () => $("shortcuts-dialog").open());
  on($("#theme"), "click", () => wearTheme(themeAfter(theme())));
  wireCompareButton($("#compare"));
}

// Held by pointer or key; a click without either (a screen reader's) turns it on and off instead.
function wireCompareButton(button) {
  let held = false;
  const set = (comparing) => session.compare(comparing);
  const press = () => set((held = true));
  button.addEventListener("pointerdown", press);
  for (const type of ["pointerup", "pointercancel", "pointerleave", "blur"]) button.addEventListener(type, () => set(false));
  button.addEventListener("keydown", ({ key, repeat }) => [" ", "Enter"].includes(key) && !repeat && press());
  button.addEventListener("keyup", () => set(false));
  button.addEventListener("click", () => {
    if (!held) set(!store.state.comparing);
    held = false;
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

async function share() {
  const link = linkTo(store.state.edit);
  try {
    await navigator.clipboard.writeText(link);
    toasts.say("Link copied. It opens exactly this picture.");
  } catch {
    toasts.say("The browser did not let the page copy. The link is in the address bar.", { kind: "problem" });
  }
}

async function save() {
  const { edit } = store.state;
  const address = URL.createObjectURL(await api.picture(edit));
  const link = Object.assign(document.createElement("a"), { href: address, download: `${edit.generator}-${edit.base.seed ?? "mix"}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function wearTheme(name) {
  useTheme(name);
  const button = $("#theme");
  setIcon(button, { auto: "auto", light: "sun", dark: "moon" }[name]);
  const words = { auto: "as the system is", light: "light", dark: "dark" }[name];
  button.setAttribute("aria-label", `Theme: ${words}`);
  button.title = `Theme: ${words}`;
}

function wireKeys(panels) {
  listen({
    undo: () => attempt(() => session.undo()),
    redo: () => attempt(() => session.redo()),
    compare: (pressed) => session.compare(pressed),
    roll: () => session.roll(),
    rest: () => session.rest(),
    search: () => sliders.search(),
    share: () => attempt(share),
    save: () => attempt(save),
    learn: () => panels.toggle("learn"),
    export: () => panels.toggle("export"),
    help: () => $("shortcuts-dialog").open(),
  });
}

function wireAddress() {
  const write = addressWriter();
  store.watch(["edit"], ({ edit }) => edit && write(edit));
  window.addEventListener("hashchange", () =>
    attempt(async () => {
      const linked = editInAddress();
      if (linked) await session.open(linked, "Opened a link");
    }),
  );
  history.addEventListener("change", () => {
    tree.show(history);
    sessionStorage.setItem(KEPT, JSON.stringify(history));
  });
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

// The first picture: the link's; else where this tab was; else the first generator's.
async function begin() {
  let linked = null;
  try {
    linked = editInAddress();
  } catch (error) {
    complain(error);
  }
  store.set({ generators: await api.generators() });
  history.restore(kept(), parseEdit);
  const before = history.current?.edit;
  const opened = (linked && (await session.open(linked, "Opened a link"))) || (before && (await session.open(before, "Reloaded")));
  if (!opened) {
    const first = session.firstEdit();
    if (!first) throw new Error("No generator is installed. Get one on the left.");
    await session.open(first, "Start");
  }
}

async function start() {
  try {
    await begin();
  } catch (error) {
    complain(error);
    setTimeout(start, RETRY);
  }
}

wearTheme(theme());
$("#truncation").config = TRUNCATION;
wireState();
wireLive();
wireCommands();
wireAddress();
jobs.addEventListener("change", () => store.set({ jobs: jobs.list }));
wireKeys(wirePanels({ store, session, jobs, api, toasts, sliders, attempt }));
wireFiles({ session, api, toasts, sliders, attempt });
live.start();
start();
