/** Builds what lives as long as the page, joins it, and shows the first picture. */

import { parseEdit } from "./edit.js";
import "./components/picture-stage.js";
import "./components/film-strip.js";
import "./components/slider-panel.js";
import "./components/generator-picker.js";
import "./components/seed-field.js";
import "./components/class-mix.js";
import "./components/layer-mix.js";
import "./components/history-tree.js";
import "./components/status-bar.js";
import "./components/toast-stack.js";
import "./components/shortcuts-dialog.js";
import { api, inFull } from "./api.js";
import { wireCommands } from "./commands.js";
import { $, drawIcons } from "./dom.js";
import { reviveWalk } from "./recipe.js";
import { wireFiles } from "./files.js";
import { History } from "./history.js";
import { Jobs } from "./jobs.js";
import { addressWriter, editInAddress } from "./links.js";
import { Live } from "./live.js";
import { wirePanels } from "./panels.js";
import { wireRights } from "./rights.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { wireViews } from "./views.js";
import { EMPTY } from "./walk.js";
import { wireWalk } from "./walking.js";

const KEPT = "latentwalk.history";
const OUTPUT = "latentwalk.output";
const RETRY = 1500; // ms before the first picture is tried again
const PATIENCE = 700; // ms without a connection before the picture dims

const stage = $("picture-stage");
const status = $("status-bar");
const sliders = $("slider-panel");
const toasts = $("toast-stack");

function keptOutput() {
  const usual = { format: "mp4", fps: 30, size: 512, quality: "good" };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(OUTPUT)) };
  } catch {
    return usual;
  }
}

const store = new Store({
  generators: [],
  directions: [],
  edit: null,
  hand: null,
  comparing: false,
  walk: EMPTY,
  chosen: null,
  visiting: false,
  timeline: false,
  output: keptOutput(),
  link: "connecting",
  device: "",
  trouble: null,
  jobs: [],
  exports: [],
});
const history = new History();
const jobs = new Jobs(api);
const live = new Live(() => new WebSocket(new URL("/ws/live", location.href.replace(/^http/, "ws"))));
const session = new Session({ store, history, live, api });

function complain(error) {
  if (error.name === "AbortError") return;
  if (error.code === "unauthorized") return location.reload(); // to the page that asks for a token
  toasts.say(inFull(error), { kind: "problem" });
}

const attempt = (work) => Promise.resolve().then(work).catch(complain);

function wireLive() {
  let dimming = 0;
  live.addEventListener("hello", ({ detail }) => store.set({ device: detail.device }));
  live.addEventListener("link", ({ detail }) => {
    store.set({ link: detail.state });
    clearTimeout(dimming);
    if (detail.state === "waiting") api.me().catch(({ code }) => code === "unauthorized" && location.reload());
    if (detail.state === "open") {
      stage.veil = null;
      jobs.refresh().catch(() => {}); // the next poll or connection reads them again
    } else {
      dimming = setTimeout(
        () => (stage.veil = "Reconnecting. Sliders still move and are applied on return."),
        PATIENCE,
      );
    }
  });
  live.addEventListener("frame", async ({ detail }) => {
    try {
      await stage.show(detail);
    } finally {
      live.ack(detail.rev);
    }
    status.measure(detail);
    const { trouble } = store.state;
    if (trouble && detail.rev > trouble.rev) store.set({ trouble: null });
    if (detail.rev === 1) store.set({ generators: await api.generators() }); // loading told which precision it runs in
  });
  live.addEventListener("trouble", ({ detail }) => {
    store.set({ trouble: detail });
    if (!store.state.hand) complain(detail);
  });
  window.addEventListener("online", () => live.hurry());
  live.start();
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
}

// The first picture: the link's; else where this tab was; else the first generator's.
async function begin() {
  const linked = await attempt(editInAddress);
  store.set({ generators: await api.generators() });
  restoreHistory();
  const before = history.current;
  const same = linked?.generator === before?.edit.generator; // a walk shows one generator
  if (linked && (await session.open(linked, "Opened a link", same ? before?.walk : undefined))) return;
  if (before && (await session.open(before.edit, "Opened again", before.walk))) return;
  const first = session.firstEdit();
  if (!first) throw new Error("No generator is installed. Get one under Generator.");
  await session.open(first, "Start");
}

function keepHistory() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(history));
  } catch {
    sessionStorage.setItem(KEPT, JSON.stringify(history.tip())); // browsers keep a few megabytes, and no more
  }
}

function restoreHistory() {
  try {
    history.restore(JSON.parse(sessionStorage.getItem(KEPT)), parseEdit, reviveWalk);
  } catch {
    sessionStorage.removeItem(KEPT); // another version of the page wrote it
  }
}

function start() {
  begin().catch((error) => {
    complain(error);
    setTimeout(start, RETRY);
  });
}

drawIcons();
jobs.addEventListener("change", () => store.set({ jobs: jobs.list }));
history.addEventListener("change", keepHistory);
store.watch(["output"], ({ output }) => localStorage.setItem(OUTPUT, JSON.stringify(output)));
wireViews({ store, session, history });
const timeline = wireWalk({ store, session, api, toasts, attempt });
const panels = wirePanels({ store, session, jobs, api, timeline, toasts, sliders, attempt });
wireCommands({ store, session, jobs, api, panels, timeline, toasts, attempt });
wireFiles({ store, session, api, jobs, timeline, toasts, sliders, attempt, judges: panels.judges });
wireAddress();
attempt(async () => wireRights(await api.me(), toasts));
wireLive();
start();
