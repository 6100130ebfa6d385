/** Connects the live socket to the picture, the status bar and the state. */

import { $, detailOf } from "../elements/dom.js";

const PATIENCE = 700; // ms without a connection before the picture dims

/** @param {Page} page */
export function bindLive({ api, jobs, live, modes, report, store }) {
  const stage = $("picture-stage");
  const status = $("status-bar");
  let dimming = 0;

  live.addEventListener("hello", (event) => store.set({ device: detailOf(event).device }));
  live.addEventListener("link", (event) => {
    const { state } = detailOf(event);
    store.set({ link: state });
    clearTimeout(dimming);
    if (state === "waiting") api.me().catch(({ code }) => code === "unauthorized" && location.reload());
    if (state === "open") {
      stage.veil = null;
      jobs.refresh().catch(() => {}); // the next poll or connection reads them again
    } else {
      const words = "Reconnecting. Slider changes are applied when the server is back.";
      dimming = setTimeout(() => (stage.veil = words), PATIENCE);
    }
  });
  live.addEventListener("frame", async (event) => {
    /** @type {Frame} */
    const frame = detailOf(event);
    try {
      await (modes.view ?? stage).show(frame);
    } finally {
      live.ack(frame.rev);
    }
    status.measure(frame);
    const { problem } = store.state;
    if (problem?.rev !== undefined && frame.rev > problem.rev) store.set({ problem: null });
    if (frame.rev === 1) store.set({ generators: await api.generators() }); // now their precision is known
  });
  live.addEventListener("problem", (event) => {
    store.set({ problem: detailOf(event) });
    if (!store.state.activeSlider) report(detailOf(event));
  });
  window.addEventListener("online", () => live.hurry());
  live.start();
}
