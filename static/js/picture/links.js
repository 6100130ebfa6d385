/** Links to pictures: the edit in the page's address, kept up to date and read when a link is opened. */

import { fromCode, toCode } from "./canonical.js";
import { parseEdit } from "./parse-edit.js";

const QUIET = 250; // ms without a change before the address is written
const PREFIX = "#e=";

/**
 * The link to an edit on this server.
 * @param {Edit} edit
 */
export function linkTo(edit) {
  return `${location.origin}${location.pathname}${PREFIX}${toCode(edit)}`;
}

/** The edit in the address; null where there is none. Throws an Error with a message for a damaged one. */
export function editInAddress() {
  if (!/^#e(=|%3d)/i.test(location.hash)) return null; // programs that send links escape the equals sign
  let data;
  try {
    data = fromCode(decodeURIComponent(location.hash).slice(PREFIX.length));
  } catch {
    throw new Error("This link is damaged. Copy the whole link again.");
  }
  try {
    return parseEdit(data);
  } catch (error) {
    throw new Error(`This link does not describe a picture. ${/** @type {Error} */ (error).message}`, { cause: error });
  }
}

/**
 * Write every edit into the address once nothing has changed for a moment, and open links put there.
 * @param {Page} page
 */
export function bindAddress({ attempt, session, store }) {
  let timer = 0;
  store.watch(["edit"], ({ edit }) => {
    if (!edit) return;
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", PREFIX + toCode(edit)), QUIET);
  });
  window.addEventListener("hashchange", () =>
    attempt(async () => {
      try {
        const linked = editInAddress();
        if (linked) await session.open(linked, "Opened a link");
      } finally {
        const { edit } = store.state; // the address names the picture on show, whatever was wrong with the link
        if (edit) history.replaceState(null, "", PREFIX + toCode(edit));
      }
    }),
  );
}
