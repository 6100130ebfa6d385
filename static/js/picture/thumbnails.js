/** Small pictures of edits, rendered by the server; those that failed to load can be requested again. */

import { thumbnailUrl } from "../shell/api.js";
import { h } from "../elements/dom.js";

/**
 * A picture of an edit beside words that say what it is.
 * @param {EditParts} edit
 * @param {number} size
 * @param {Props} props
 */
export function thumbnail(edit, size, props) {
  const picture = h("img", { alt: "", width: size, height: size, ...props, src: thumbnailUrl(edit, Math.max(size, 96)) });
  picture.addEventListener("error", () => picture.classList.add("lost"));
  return picture;
}

/**
 * Ask again for the pictures in an element that did not come while the server was away.
 * @param {Element} element
 */
export function askAgain(element) {
  /** @type {NodeListOf<HTMLImageElement>} */
  const lost = element.querySelectorAll("img.lost");
  for (const picture of lost) {
    const { src } = picture;
    picture.classList.remove("lost");
    picture.src = "";
    picture.src = src;
  }
}
