/** The edit in the address: kept up to date while you work, and read when somebody opens or pastes a link. */

import { parseEdit } from "./edit.js";
import { fromCode, toCode } from "./canonical.js";

const QUIET = 250;
const PREFIX = "#e=";

/** The link to an edit on this server. */
export function linkTo(edit) {
  return `${location.origin}${location.pathname}${PREFIX}${toCode(edit)}`;
}

/** The edit in the address; null where there is none. Throws an Error with a sentence for a damaged one. */
export function editInAddress() {
  if (!location.hash.startsWith(PREFIX)) return null;
  let data;
  try {
    data = fromCode(location.hash.slice(PREFIX.length));
  } catch {
    throw new Error("That link is damaged: copy the whole link again.");
  }
  try {
    return parseEdit(data);
  } catch (error) {
    throw new Error(`That link does not hold a picture. ${error.message}`);
  }
}

/** A function that writes an edit into the address once things are quiet. */
export function addressWriter() {
  let timer = 0;
  return (edit) => {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", PREFIX + toCode(edit)), QUIET);
  };
}
