/** <film-card>: one finished film: play it in place, lay it out again, download it, copy its recipe, delete it. */

import { h, icon, iconButton } from "../dom.js";
import { bytes, duration } from "../timescale.js";

const STILL = ["gif", "webp", "apng"]; // browsers show these as pictures
const CREDENTIALS = {
  embedded: "Carries a content credential",
  sidecar: "Its content credential is a file beside it",
};

/** Emits `remove`, `recipe` and `layout`, each with {film}. */
export class FilmCard extends HTMLElement {
  #player = null;
  #film = null;

  set film(film) {
    this.#film = film;
    const { title, format, width, height, seconds, url, thumbnail, credential, bytes: size, sidecar } = film;
    const still = h("img", { src: thumbnail, alt: "", width: 56, height: 56, loading: "lazy" });
    const play = h("button", { type: "button", className: "play", "aria-label": `Play ${title}` }, still);
    play.setAttribute("aria-pressed", "false");
    play.disabled = format === "zip";
    play.addEventListener("click", () => this.#toggle(play));
    const facts = `${format.toUpperCase()} · ${width} × ${height} · ${duration(seconds)} · ${bytes(size)}`;
    const signed = CREDENTIALS[credential]
      ? h("span", { className: "badge", "data-verdict": "done", title: CREDENTIALS[credential] }, "signed")
      : null;
    const words = h("div", {}, h("p", { className: "title" }, title), h("p", { className: "fine" }, facts, " ", signed));
    const tool = (name, label, type) => {
      const button = iconButton(name, `${label} ${title}`, { title: label });
      button.addEventListener("click", () => this.#tell(type));
      return button;
    };
    this.replaceChildren(
      play,
      words,
      h(
        "div",
        { className: "row" },
        tool("walk", "Lay out again", "layout"),
        tool("copy", "Copy the recipe of", "recipe"),
        link("download", `Download ${title}`, "Download", url),
        sidecar ? link("lock", `Download the credential of ${title}`, "Download its content credential", sidecar) : "",
        tool("trash", "Delete", "remove"),
      ),
    );
  }

  #tell(type) {
    this.dispatchEvent(new CustomEvent(type, { detail: { film: this.#film }, bubbles: true }));
  }

  #toggle(button) {
    const playing = this.#player === null;
    button.setAttribute("aria-pressed", playing);
    this.#player?.remove();
    this.#player = playing ? player(this.#film) : null;
    if (playing) this.append(this.#player);
  }
}

function link(name, label, title, href) {
  const anchor = h("a", { className: "button icon-only", href, download: "", title, "aria-label": label });
  anchor.append(icon(name));
  return anchor;
}

function player({ format, url, width, height, title }) {
  const about = { className: "player", src: `${url}?inline=1`, width, height };
  if (STILL.includes(format)) return h("img", { alt: title, ...about });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = h("video", { loop: true, controls: true, playsInline: true, "aria-label": title, ...about });
  film.muted = true; // browsers start muted films without being asked twice; the sound is one press away
  film.autoplay = !calm;
  return film;
}

customElements.define("film-card", FilmCard);
