/** <picture-stage>: the picture, scaled smoothly to the resolution of the screen; press and hold it to compare. */

import { h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

/** Emits `compare` {comparing} while the picture is pressed. Reflects `data-rev` and `data-settled` of what it shows. */
export class PictureStage extends Component {
  #canvas = h("canvas", { role: "img", "aria-label": "The picture is loading" });
  #veil = h("p", { className: "veil", hidden: true });
  #mark = h("p", { className: "compare-mark", hidden: true }, "Base");
  #frame = h("div", { className: "picture" }, this.#canvas, this.#mark, this.#veil);
  /** @type {ImageBitmap | null} */
  #bitmap = null;
  #shown = { rev: 0, settled: false };
  /** @type {AbortController} */
  #gone = new AbortController();

  /** @param {string} text */
  set description(text) {
    this.#canvas.setAttribute("aria-label", text);
  }

  /** @param {boolean} comparing */
  set comparing(comparing) {
    this.#mark.hidden = !comparing;
    this.toggleAttribute("comparing", comparing);
  }

  /**
   * A sentence laid over a dimmed picture while the server is away; null when all is well.
   * @param {string | null} sentence
   */
  set veil(sentence) {
    this.#veil.hidden = !sentence;
    this.#veil.textContent = sentence ?? "";
    this.toggleAttribute("away", Boolean(sentence));
  }

  /**
   * Something that stands in the picture's place for a while, or null for the picture itself.
   * @param {Element | null} guest
   */
  set guest(guest) {
    this.querySelector(".guest")?.remove();
    if (guest) this.#frame.append(h("div", { className: "guest" }, guest));
    this.#canvas.style.visibility = guest ? "hidden" : "";
  }

  /**
   * Decode and draw a frame unless a newer one is shown.
   * @param {Frame} frame
   */
  async show({ rev, settled, blob }) {
    const bitmap = await createImageBitmap(blob);
    if (rev < this.#shown.rev || (rev === this.#shown.rev && this.#shown.settled)) return bitmap.close();
    this.#bitmap?.close();
    this.#bitmap = bitmap;
    this.#shown = { rev, settled };
    this.removeAttribute("waiting");
    this.#draw();
    Object.assign(this.dataset, { rev, settled });
  }

  connectedCallback() {
    if (!this.childElementCount) this.append(this.#frame);
    this.setAttribute("waiting", "");
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    const resized = new ResizeObserver(() => this.#draw());
    resized.observe(this.#frame);
    signal.addEventListener("abort", () => resized.disconnect());
    /** @param {boolean} comparing */
    const tell = (comparing) => this.emit("compare", { comparing });
    this.#canvas.addEventListener("pointerdown", (event) => event.button === 0 && tell(true), { signal });
    for (const type of ["pointerup", "pointercancel", "pointerleave"]) {
      this.#canvas.addEventListener(type, () => tell(false), { signal });
    }
    this.#canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  #draw() {
    if (!this.#bitmap) return;
    const { width, height } = this.#bitmap;
    this.#frame.style.setProperty("--aspect", `${width} / ${height}`);
    const across = Math.round(this.#frame.clientWidth * devicePixelRatio);
    if (!across) return;
    const down = Math.round((across * height) / width);
    if (this.#canvas.width !== across || this.#canvas.height !== down) {
      Object.assign(this.#canvas, { width: across, height: down });
    }
    const paper = this.#canvas.getContext("2d", { alpha: false });
    if (!paper) return;
    paper.imageSmoothingQuality = "high";
    paper.fillStyle = "#fff"; // behind what is transparent, as in a JPEG
    paper.fillRect(0, 0, across, down);
    paper.drawImage(this.#bitmap, 0, 0, across, down);
  }
}

customElements.define("picture-stage", PictureStage);
