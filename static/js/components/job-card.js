/** <job-card>: one piece of background work: how far it is, what it looks like so far, and a way to stop it. */

import { chart } from "../chart.js";
import { isActive } from "../jobs.js";
import { h } from "../dom.js";

const STATES = {
  queued: "Waiting",
  paused: "Paused",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
};

/** Emits `cancel` with {id}. */
export class JobCard extends HTMLElement {
  #title = h("h3");
  #state = h("span", { className: "badge" });
  #progress = h("progress", { max: 1 });
  #message = h("p", { className: "fine" });
  #curve = h("div", { className: "curve" });
  #strip = h("img", { className: "strip", hidden: true });
  #cancel = h("button", { type: "button", className: "button outlined" }, "Cancel");
  #job = null;

  set job(job) {
    if (this.#job === job) return;
    this.#job = job;
    const active = isActive(job);
    this.#title.textContent = job.title;
    this.#state.textContent = STATES[job.state] ?? "";
    this.#state.dataset.verdict = job.state;
    this.#progress.hidden = this.#cancel.hidden = !active;
    this.#progress.value = job.progress;
    this.#progress.setAttribute("aria-label", job.title);
    this.#message.textContent = words(job);
    this.#message.hidden = this.#message.textContent === this.#state.textContent;
    this.#message.classList.toggle("problem", Boolean(job.error));
    this.#cancel.setAttribute("aria-label", `Cancel ${job.title}`);
    this.#draw(job.detail ?? {});
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const head = h("div", { className: "section-head" }, this.#title, this.#state, this.#cancel);
    this.append(head, this.#progress, this.#message, this.#curve, this.#strip);
    const detail = () => ({ id: this.#job.id });
    this.#cancel.addEventListener("click", () =>
      this.dispatchEvent(new CustomEvent("cancel", { detail: detail(), bubbles: true })),
    );
  }

  #draw({ loss = [], strip }) {
    const train = loss.filter(([, value]) => Number.isFinite(value)).map(([step, value]) => [step, value]);
    const held = loss.filter(([, , value]) => Number.isFinite(value)).map(([step, , value]) => [step, value]);
    if (train.length > 1) this.#curve.replaceChildren(lossChart(train, held), key(held.length > 1));
    this.#strip.hidden = !strip;
    if (!strip || this.#strip.getAttribute("src") === strip) return;
    this.#strip.alt = "What it does so far, from one end of the range to the other";
    this.#strip.src = strip;
  }
}

function lossChart(train, held) {
  const last = train.at(-1);
  return chart({
    lines: [{ name: "train", points: train }, ...(held.length > 1 ? [{ name: "held", points: held }] : [])],
    xText: (step) => String(Math.round(step)),
    yText: (value) => String(Number(value.toPrecision(2))),
    label: `Loss, from ${train[0][1].toPrecision(2)} down to ${last[1].toPrecision(2)} at step ${last[0]}`,
  });
}

function key(held) {
  const mark = (className, text) => h("span", {}, h("i", { className, "aria-hidden": "true" }), text);
  return h("p", { className: "chart-key" }, mark("train", "loss by step"), held ? mark("held", "held out") : null);
}

function words({ error, message, eta_s: eta, state }) {
  if (error) return `${error.message} ${error.hint ?? ""}`.trim();
  const left = state === "running" && Number.isFinite(eta) ? ` · about ${duration(eta)} left` : "";
  return `${message ?? ""}${left}`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

customElements.define("job-card", JobCard);
