/** Connects the timeline to the session: what its panel asks for, what the playhead shows, and what is stored. */

import { $, listener } from "../elements/dom.js";
import "./walk-panel.js";
import "./presets-dialog.js";
import { canonical } from "../picture/canonical.js";
import { amountOf } from "../picture/edit.js";
import { WalkFrames } from "./walk-frames.js";
import { timelineOf } from "./timeline-json.js";
import { amountAlong, amounts, keyed } from "./tracks.js";
import { Sound } from "./sound.js";
import { Transport } from "./transport.js";
import { added, altered, found, length, moves, replaced, span, stopOf } from "./walk.js";

const OPEN = "latentwalk.timeline";

// The keyframe to select when the selected one is gone.
/**
 * @param {Walk} walk
 * @param {number} at
 */
function nearest({ stops }, at) {
  const [best] = [...stops].sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at));
  return best ? { track: null, id: best.id } : null;
}

/** @typedef {ReturnType<typeof bindWalk>} WalkController */

/** @param {Page} page */
export function bindWalk({ api, attempt, session, store, toasts }) {
  const panel = $("walk-panel");
  const dialog = $("presets-dialog");
  const transport = new Transport();
  const frames = new WalkFrames(api);
  const sound = new Sound();
  const seconds = () => length(store.state.walk);
  const on = listener(attempt);

  /** The playhead in seconds of the walk: a walk there and back folds. */
  const here = () => {
    const way = span(store.state.walk);
    return transport.at <= way ? transport.at : Math.max(0, 2 * way - transport.at);
  };

  function draw() {
    const { walk, chosen, directions } = store.state;
    panel.show({ walk, chosen, directions, wave: sound.wave });
    follow();
  }

  function follow() {
    panel.at = { walk: here(), film: transport.at, seconds: seconds() };
  }

  function compare() {
    const { walk, chosen, visiting } = store.state;
    const stop = chosen?.track === null && !visiting ? stopOf(walk, chosen.id) : null;
    const at = stop && Math.abs(stop.at - here()) < 0.005;
    panel.differs = Boolean(at && canonical(stop.edit) !== canonical(session.edit));
  }

  function look() {
    const { walk } = store.state;
    const edit = moves(walk) ? frames.at(transport.at) : walk.stops[0]?.edit;
    if (edit) session.visit(edit);
    frames.near(transport.at);
  }

  /** @param {{place: Place, at: number}} parts */
  function choose({ place, at }) {
    store.set({ chosen: place });
    transport.stop();
    transport.seek(at);
    const stop = place.track === null ? stopOf(store.state.walk, place.id) : null;
    if (stop) session.visit(stop.edit); // exactly its picture, whatever the pace makes of its time
    compare();
  }

  /** @param {{walk: Walk, label: string, settled: boolean, key?: string, fresh?: boolean}} parts */
  function alter({ walk, label, settled, key = "", fresh = false }) {
    if (settled) session.alterWalk(walk, { label, key });
    else store.set({ walk });
    const [first] = walk.stops;
    if (fresh && first) choose({ place: { track: null, id: first.id }, at: 0 });
  }

  function add() {
    show();
    const { walk } = store.state;
    const next = added(walk, session.edit, here());
    const fresh = next.stops.find(({ id }) => !stopOf(walk, id));
    if (!fresh) return;
    alter({ walk: next, label: `Keyframe ${next.stops.indexOf(fresh) + 1}`, settled: true });
    choose({ place: { track: null, id: fresh.id }, at: fresh.at });
  }

  function update() {
    const { walk, chosen } = store.state;
    if (chosen?.track !== null || !stopOf(walk, chosen.id)) return;
    alter({ walk: replaced(walk, chosen.id, { edit: session.edit }), label: "Keyframe updated", settled: true });
    compare();
  }

  /** @param {string} slider */
  function addKey(slider) {
    const { walk } = store.state;
    const { edit } = session;
    const direction = session.direction(slider);
    if (!direction) return;
    const base = walk.stops.length ? walk : added(walk, edit, 0);
    // While a moment of the walk is shown its own amount is kept; a slider moved since then sets the amount.
    const amount = store.state.visiting ? amountAlong(base, direction, here()) : amountOf(edit, direction);
    const next = keyed(base, direction, here(), amount);
    alter({ walk: next, label: `Key of ${direction.name}`, settled: true });
    const place = amounts(next, direction).reduce((best, one) =>
      Math.abs(one.at - here()) < Math.abs(best.at - here()) ? one : best,
    );
    store.set({ chosen: { track: place.stop ? null : slider, id: place.id } });
  }

  /** @param {File} file */
  async function hear(file) {
    show();
    const { audio, beats } = await api.uploadSound(file);
    await sound.keep(audio.sha256, file).catch(() => {}); // what the browser cannot play, the film still can
    alter({ walk: altered(store.state.walk, { audio, beats }), label: `Sound ${audio.name}`, settled: true });
    toasts.say(beats.length ? `Found ${beats.length} beats. Keyframes snap to them.` : "No beats were found in the sound.");
  }

  async function presets() {
    const { edit, activeSlider, directions } = store.state;
    const generator = session.generator();
    if (!edit || !generator) return;
    show();
    await dialog.open({ edit, activeSlider, directions, generator, presets: await api.presets() });
  }

  function show(open = true) {
    const button = $("#walk");
    document.body.toggleAttribute("data-walk", open);
    store.set({ timeline: open });
    button.setAttribute("aria-expanded", String(open));
    if (open) sessionStorage.setItem(OPEN, "yes");
    else {
      sessionStorage.removeItem(OPEN);
      transport.stop();
    }
  }

  const toggle = () => show(!store.state.timeline);
  const play = () => {
    show();
    transport.toggle();
  };

  on(panel, "alter", alter);
  on(panel, "choose", choose);
  on(panel, "seek", ({ at }) => transport.seek(at));
  on(panel, "play", play);
  on(panel, "add", add);
  on(panel, "replace", update);
  on(panel, "track", ({ slider }) => addKey(slider));
  on(panel, "key", ({ slider }) => addKey(slider));
  on(panel, "presets", presets);
  on(panel, "sound", ({ file }) => hear(file));
  on(panel, "mute", () => {
    const walk = altered(store.state.walk, { audio: null, beats: [] });
    alter({ walk, label: "Sound removed", settled: true });
  });
  on(dialog, "make", async ({ id, title, request }) => {
    const { timeline } = await api.preset(id, request);
    await session.openTimeline(timeline, title);
    choose({ place: { track: null, id: 1 }, at: 0 });
  });
  on($("#walk"), "click", toggle);

  transport.addEventListener("move", () => {
    follow();
    look();
  });
  transport.addEventListener("play", () => {
    panel.playing = transport.playing;
    if (transport.playing) sound.play(transport.at);
    else sound.stop();
    compare();
  });
  transport.addEventListener("jump", () => sound.play(transport.at));
  sound.addEventListener("change", draw);
  frames.addEventListener("wait", () => (panel.busy = true));
  frames.addEventListener("ready", () => {
    panel.busy = false;
    if (store.state.visiting) look();
  });
  frames.addEventListener("rough", () => store.state.visiting && look());
  on(frames, "problem", (error) => {
    panel.busy = false;
    throw error;
  });

  store.watch(["walk", "chosen", "directions"], draw);
  store.watch(["edit", "walk", "chosen", "visiting"], compare);
  store.watch(["link"], ({ link }) => {
    if (link !== "open") return;
    frames.retry();
    panel.retry();
  });
  store.watch(["walk", "link"], ({ walk, chosen, edit }) => {
    if (chosen && !found(walk, chosen)) store.set({ chosen: nearest(walk, here()) });
    transport.film = { seconds: moves(walk) ? length(walk) : 0, repeats: walk.play !== "once" };
    if (transport.at > seconds()) transport.seek(seconds());
    attempt(() => sound.use(walk.audio?.sha256 ?? null));
    if (edit) frames.follow(moves(walk) ? timelineOf(walk, edit.generator, {}) : null, seconds());
  });
  show(sessionStorage.getItem(OPEN) !== null);
  return { toggle, show, add, update, play, presets, hear };
}
