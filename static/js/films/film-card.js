/** <film-card>: one finished film: a player, its facts, and what can be done with it. */

import { address } from "../shell/api.js";
import { button, h, icon, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { bytes, duration } from "../elements/format.js";

const STILL = ["gif", "webp", "apng"]; // browsers show these as pictures
/** @type {Record<string, string>} */
const CREDENTIALS = {
  embedded: "Contains a content credential",
  sidecar: "Has a content credential in a separate file",
};

/** Emits `remove`, `recipe` and `layout`, each with {film}. */
export class FilmCard extends Component {
  /** @type {HTMLElement | null} */
  #player = null;
  /** @type {Film} */
  #film;

  /** @param {Film} film */
  set film(film) {
    this.#film = film;
    const { title, format, width, height, seconds, url, thumbnail, credential, bytes: size, sidecar } = film;
    const still = h("img", { src: address(thumbnail), alt: "", width: 56, height: 56, loading: "lazy" });
    const play = button(still, { className: "play", "aria-label": `Play ${title}`, onclick: () => this.#toggle(play) });
    play.setAttribute("aria-pressed", "false");
    play.disabled = format === "zip";
    const facts = `${format.toUpperCase()} · ${width} × ${height} · ${duration(seconds)} · ${bytes(size)}`;
    const signed = CREDENTIALS[credential]
      ? h("span", { className: "badge", "data-verdict": "done", title: CREDENTIALS[credential] }, "signed")
      : null;
    const words = h("div", {}, h("p", { className: "title" }, title), h("p", { className: "fine" }, facts, " ", signed));
    /**
     * @param {string} name
     * @param {string} label
     * @param {string} type
     * @param {string} [tooltip]
     */
    const tool = (name, label, type, tooltip = label) => {
      const made = iconButton(name, `${label} ${title}`, { title: tooltip });
      made.addEventListener("click", () => this.tell(type, { film: this.#film }));
      return made;
    };
    this.replaceChildren(
      play,
      words,
      h(
        "div",
        { className: "row" },
        tool("walk", "Open the walk of", "layout", "Open on the timeline"),
        tool("copy", "Copy the recipe of", "recipe", "Copy the recipe"),
        link("download", `Download ${title}`, "Download", address(url)),
        sidecar ? link("lock", `Download the credential of ${title}`, "Download the content credential", address(sidecar)) : "",
        tool("trash", "Delete", "remove"),
      ),
    );
  }

  /** @param {HTMLElement} pressed */
  #toggle(pressed) {
    const playing = this.#player === null;
    pressed.setAttribute("aria-pressed", String(playing));
    this.#player?.remove();
    this.#player = playing ? player(this.#film) : null;
    if (this.#player) this.append(this.#player);
  }
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} title
 * @param {string} href
 */
function link(name, label, title, href) {
  const anchor = h("a", { className: "button icon-only", href, download: "", title, "aria-label": label });
  anchor.append(icon(name));
  return anchor;
}

/** @param {Film} film */
function player({ format, url, width, height, title }) {
  const about = { className: "player", src: `${address(url)}?inline=1`, width, height };
  if (STILL.includes(format)) return h("img", { alt: title, ...about });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = h("video", { loop: true, controls: true, playsInline: true, "aria-label": title, ...about });
  film.muted = true; // browsers only start muted videos by themselves
  film.autoplay = !calm;
  return film;
}

customElements.define("film-card", FilmCard);
