/** <film-library> and its <film-card>s: the films made so far, and whether a file somebody has was made here. */

import { button, childrenBy, h, icon, iconButton, Part } from "../dom.js";
import { bytes, duration } from "../timescale.js";

const STILL = ["gif", "webp", "apng"]; // browsers show these as pictures
const CREDENTIALS = {
  embedded: "Carries a content credential",
  sidecar: "Its content credential is a file beside it",
};

/** Emits `remove`, `recipe` and `layout`, each with {film}. */
class FilmCard extends Part {
  #player = null;
  #film = null;

  set film(film) {
    this.#film = film;
    const { title, format, width, height, seconds, url, thumbnail, credential, bytes: size, sidecar } = film;
    const still = h("img", { src: thumbnail, alt: "", width: 56, height: 56, loading: "lazy" });
    const play = button(still, { className: "play", "aria-label": `Play ${title}`, onclick: () => this.#toggle(play) });
    play.setAttribute("aria-pressed", "false");
    play.disabled = format === "zip";
    const facts = `${format.toUpperCase()} · ${width} × ${height} · ${duration(seconds)} · ${bytes(size)}`;
    const signed = CREDENTIALS[credential]
      ? h("span", { className: "badge", "data-verdict": "done", title: CREDENTIALS[credential] }, "signed")
      : null;
    const words = h("div", {}, h("p", { className: "title" }, title), h("p", { className: "fine" }, facts, " ", signed));
    const tool = (name, label, type) => {
      const made = iconButton(name, `${label} ${title}`, { title: label });
      made.addEventListener("click", () => this.tell(type, { film: this.#film }));
      return made;
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

  #toggle(pressed) {
    const playing = this.#player === null;
    pressed.setAttribute("aria-pressed", playing);
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

/** Emits what its cards emit, and `check` {file}. */
class FilmLibrary extends Part {
  #list = h("ul", { className: "exports" });
  #check = iconButton("search", "Did we make this?", {
    showName: true,
    className: "button outlined",
    title: "Ask about a file",
    onclick: () => this.#file.click(),
  });
  #file = h("input", { type: "file", accept: "image/*,video/*,.zip", hidden: true, "aria-label": "File to ask about" });
  #answer = h("div", { className: "answer", role: "status" });
  #about = h("p", { className: "fine" });

  /** The finished films; those already listed keep their element, and go on playing. */
  set films(films) {
    const known = childrenBy("id", this.#list);
    this.#list.replaceChildren(
      ...films.map((film) => known.get(film.id) ?? h("li", { "data-id": film.id }, h("film-card", { film }))),
    );
    if (!films.length) this.#list.append(h("li", { className: "empty" }, "No films yet."));
  }

  set about(sentence) {
    this.#about.textContent = sentence;
  }

  /** What was found about a file: {name, made, sentence, credential}. */
  set answer({ name, made, sentence, credential }) {
    const verdict = { here: "done", alike: "weak", no: "none" }[made];
    const word = { here: "made here", alike: "looks alike", no: "not from here" }[made];
    this.#answer.replaceChildren(
      h("p", {}, h("span", { className: "badge", "data-verdict": verdict }, word), ` ${name}`),
      h("p", { className: "fine" }, sentence),
      credential?.sentence ? h("p", { className: "fine" }, credential.sentence) : "",
    );
  }

  build() {
    const ask = h("section", { className: "stack" }, h("div", {}, this.#check, this.#file), this.#answer, this.#about);
    this.append(h("h3", {}, "Films"), this.#list, ask);
    const tell = (file) => this.emit("check", { file });
    this.#file.addEventListener("change", (event) => {
      event.stopPropagation();
      if (this.#file.files.length) tell(this.#file.files[0]);
      this.#file.value = "";
    });
    // A file dropped on this button is asked about; anywhere else on the page it is opened.
    ask.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      tell(event.dataTransfer.files[0]);
    });
  }
}

customElements.define("film-library", FilmLibrary);
