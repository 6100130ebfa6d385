/** Connects the Bookmarks panel to the session and to the server. */

import { $, listener } from "../elements/dom.js";
import { parseEdit } from "../picture/parse-edit.js";
import { inFull } from "../shell/api.js";
import "./bookmark-panel.js";

/**
 * @param {Page} page
 * @param {import("../walk/walk-controller.js").WalkController} walk
 */
export function bindBookmarks({ api, attempt, dock, session, store, toasts }, walk) {
  const panel = $("bookmark-panel");
  const on = listener(attempt);
  const hasWalk = () => store.state.timeline && store.state.walk.stops.length > 0;

  /** @type {Bookmark[]} */
  let listed = [];
  /** @type {string | undefined} */
  let next;

  /** @param {string} [after] */
  async function refresh(after = "") {
    try {
      const page = await api.bookmarks(after);
      listed = after ? [...listed, ...page.bookmarks] : page.bookmarks;
      next = page.next;
      panel.show(listed, session.edit?.generator, next !== undefined);
    } catch (error) {
      panel.say(inFull(/** @type {Problem} */ (error)));
    }
  }

  /** @param {object} bookmark */
  async function save(bookmark) {
    await api.keep(bookmark);
    await refresh();
  }

  dock.register("bookmarks", () => refresh());
  on(panel, "more", () => refresh(next ?? ""));
  store.watch(["edit", "walk", "timeline", "directions"], (state) => {
    panel.offer(hasWalk() ? "walk" : "picture", (hasWalk() && state.walk.title) || $("#caption").textContent || "");
  });
  on(panel, "keep", async ({ title }) => {
    await save({ title, ...(hasWalk() ? { timeline: session.timeline() } : { edit: session.edit }) });
    panel.clear();
    toasts.say(`${title} was saved.`);
  });
  on(panel, "open", async ({ title, edit, timeline }) => {
    const label = `Opened ${title}`;
    if (edit) await session.open(parseEdit(edit), label);
    else if (await session.openTimeline(timeline, label)) walk.show();
    await refresh(); // thumbnails are shown for the current generator only
  });
  on(panel, "remove", async ({ id, title, kind, ...rest }) => {
    await api.removeBookmark(id);
    await refresh();
    const run = () => attempt(() => save({ title, [kind]: rest[kind] }));
    toasts.say(`${title} was deleted.`, { action: { label: "Undo", run } });
  });
}
