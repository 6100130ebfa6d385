/** Shows the first picture: that of the link, else the last one of this tab, else that of the first generator. */

import { restoreHistory } from "../history/stored-history.js";
import { editInAddress } from "../picture/links.js";

const RETRY = 1500; // ms
const VISITED = "latentwalk.visited";

/**
 * Show the first picture; try again until the server answers.
 * @param {Page} page
 */
export function start(page) {
  begin(page).catch((error) => {
    page.report(error);
    setTimeout(() => start(page), RETRY);
  });
}

/** @param {Page} page */
async function begin({ api, attempt, history, session, store, sway }) {
  const linked = await attempt(editInAddress);
  store.set({ generators: await api.generators() });
  restoreHistory(history);
  const before = history.current;
  const same = linked?.generator === before?.edit.generator; // a walk shows one generator
  // The address follows the picture after a moment, so that after a quick reload the history knows better than it does.
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const behind = before && navigation?.type === "reload";
  if (linked && !behind && (await session.open(linked, "Opened a link", same ? before?.walk : undefined))) return;
  if (before && (await session.open(before.edit, "Opened again", before.walk))) return;
  const first = session.firstEdit();
  if (!first) throw new Error("No generator is installed. Download one under Generator.");
  await session.open(first, "Start");
  if (localStorage.getItem(VISITED)) return;
  localStorage.setItem(VISITED, "1");
  const { welcome } = await import("../modes/welcome.js");
  welcome({ store, sway });
}
