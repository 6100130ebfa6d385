/** <film-card>: one finished film: play it in place, download it, delete it. */

import { h, icon, iconButton } from "../dom.js";

/** Emits `remove` with {id}. */
export class FilmCard extends HTMLElement {
  #player = null;

  set film({ id, title, format, bytes, width, height, seconds, url, thumbnail }) {
    const still = h("img", { src: thumbnail, alt: "", width: 56, height: 56, loading: "lazy" });
    const play = h("button", {
      type: "button",
      className: "play",
      "aria-label": `Play ${title}`,
      "aria-pressed": "false",
    });
    play.append(still);
    play.addEventListener("click", () => this.#toggle(play, { title, format, width, height, url }));
    const facts = `${format.toUpperCase()} · ${width} × ${height} · ${seconds} s · ${size(bytes)}`;
    const words = h("div", {}, h("p", { className: "title" }, title), h("p", { className: "fine" }, facts));
    const download = h(
      "a",
      { className: "button icon-only", href: url, download: "", title: "Download" },
      icon("download"),
    );
    download.setAttribute("aria-label", `Download ${title}`);
    const remove = iconButton("trash", `Delete ${title}`, { title: "Delete" });
    remove.addEventListener("click", () =>
      this.dispatchEvent(new CustomEvent("remove", { detail: { id }, bubbles: true })),
    );
    this.replaceChildren(play, words, download, remove);
  }

  #toggle(button, { title, format, width, height, url }) {
    const playing = this.#player === null;
    button.setAttribute("aria-pressed", playing);
    this.#player?.remove();
    this.#player = playing ? player(format, { src: url, width, height }, title) : null;
    if (playing) this.append(this.#player);
  }
}

function player(format, about, title) {
  if (format === "gif") return h("img", { className: "player", alt: title, ...about });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = h("video", {
    className: "player",
    loop: true,
    controls: true,
    playsInline: true,
    "aria-label": title,
    ...about,
  });
  film.muted = true; // there is no sound; browsers start muted films without being asked twice
  film.autoplay = !calm;
  return film;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

customElements.define("film-card", FilmCard);
