/** <bookmark-panel>: saved pictures and walks, newest first, and the form that saves the current one. */

import { button, h, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { field, onSubmit, submit } from "../elements/form.js";
import { thumbnail } from "../picture/thumbnails.js";

/** Emits `keep` {title}, `open` and `remove` with the bookmark, and `more` when older ones are to be listed too. */
export class BookmarkPanel extends Component {
  #title = h("input", { id: "bookmark-title", type: "text", maxLength: 200, autocomplete: "off" });
  #keep = submit("Save this picture");
  #told = h("p", { role: "status" });
  #list = h("ul", { className: "bookmarks" });
  #more = button("Show older ones", { onclick: () => this.emit("more"), hidden: true });

  /**
   * What would be saved, a "picture" or a "walk", and the default title.
   * @param {string} kind
   * @param {string} words
   */
  offer(kind, words) {
    this.#keep.textContent = `Save this ${kind}`;
    this.#title.placeholder = words.slice(0, 200);
  }

  /**
   * List bookmarks. Thumbnails are drawn for the current `generator` only, so that a list loads no other.
   * @param {Bookmark[]} bookmarks
   * @param {string | undefined} generator
   * @param {boolean} more whether there are older ones
   */
  show(bookmarks, generator, more) {
    this.#more.hidden = !more;
    const buttons = () => [...this.#list.querySelectorAll("button")];
    const focused = buttons().findIndex((one) => one === document.activeElement);
    this.#list.replaceChildren(...bookmarks.map((bookmark) => this.#row(bookmark, generator)));
    this.say(bookmarks.length ? "" : "No bookmarks yet.", "fine");
    if (focused >= 0) (buttons()[focused] ?? this.#title).focus();
  }

  /**
   * Show a message instead of the list, or above it.
   * @param {string} sentence
   * @param {string} [className]
   */
  say(sentence, className = "problem") {
    this.#told.className = `answer ${className}`;
    this.#told.textContent = sentence;
  }

  /** Clear the form after saving. */
  clear() {
    this.#title.value = "";
  }

  build() {
    const form = h("form", { className: "stack" }, field("Title", this.#title), this.#keep);
    this.append(form, this.#told, this.#list, this.#more);
    onSubmit(form, () => this.emit("keep", { title: this.#title.value.trim() || this.#title.placeholder }));
    this.keepChanges();
  }

  /**
   * @param {Bookmark} bookmark
   * @param {string | undefined} generator
   */
  #row(bookmark, generator) {
    const { title, edit, timeline, created } = bookmark;
    const shown = edit ?? timeline?.keyframes.find((keyframe) => keyframe.edit)?.edit;
    const picture = shown && shown.generator === generator ? thumbnail(shown, 44, { loading: "lazy" }) : h("i");
    const day = new Date(created).toLocaleDateString("en", { dateStyle: "medium" });
    const about = h("span", { className: "fine" }, `${edit ? "Picture" : "Walk"} · ${day}`);
    /** @param {string} type */
    const ask = (type) => () => this.emit(type, bookmark);
    const open = button(picture, { className: "open", onclick: ask("open") }, h("span", {}, title, about));
    return h("li", {}, open, iconButton("trash", `Delete ${title}`, { title: "Delete", onclick: ask("remove") }));
  }
}

customElements.define("bookmark-panel", BookmarkPanel);
