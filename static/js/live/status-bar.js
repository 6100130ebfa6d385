/** <status-bar>: the device, the times of the last frames, and the state of the connection. */

import { h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

const LINKS = { connecting: "Connecting", open: "Connected", waiting: "Reconnecting" };
const SMOOTHING = 0.25;

export class StatusBar extends Component {
  #device = h("span", { className: "device" });
  /** @type {Record<string, HTMLElement>} */
  #times = Object.fromEntries(["render", "encode", "round trip"].map((name) => [name, h("b", {}, "–")]));
  #link = h("span", { className: "link", role: "status" });
  /** @type {Record<string, number>} */
  #mean = {};

  /** @param {string} text */
  set device(text) {
    this.#device.textContent = text;
    this.#device.hidden = !text;
  }

  /** @param {State["link"]} state */
  set link(state) {
    this.dataset.link = state;
    this.#link.textContent = LINKS[state];
  }

  /**
   * Take in one frame's times; the numbers shown are smoothed, so that they can be read.
   * @param {Frame} frame
   */
  measure({ rev, renderMs, encodeMs, roundTripMs, settled }) {
    if (settled || rev === 1) return; // the first waits for the generator to load
    for (const [name, ms] of Object.entries({ render: renderMs, encode: encodeMs, "round trip": roundTripMs })) {
      if (ms === null) continue;
      this.#mean[name] = this.#mean[name] === undefined ? ms : this.#mean[name] + SMOOTHING * (ms - this.#mean[name]);
      this.#times[name].textContent = this.#mean[name].toFixed(this.#mean[name] < 9.95 ? 1 : 0);
    }
  }

  build() {
    const times = Object.entries(this.#times).map(([name, number]) => h("span", {}, `${name} `, number));
    const title = "Mean over the last frames: rendering, encoding, and the time from sending an edit to receiving the picture";
    this.append(this.#device, h("span", { className: "times", title }, ...times, "ms"), this.#link);
  }
}

customElements.define("status-bar", StatusBar);
