/** <job-card>: one job: its progress, its loss curve, a preview of the result, and a button to cancel it. */

import { address, inFull } from "../shell/api.js";
import { chart } from "../elements/chart.js";
import { isActive } from "./jobs.js";
import { arrange, button, childrenBy, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

/** @type {Record<string, string>} */
const STATES = {
  queued: "Waiting",
  paused: "Paused",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
};

/**
 * Show some jobs as cards in an element; a job that is there already keeps its card.
 * @param {Element} element
 * @param {readonly Job[]} jobs
 */
export function showJobs(element, jobs) {
  const known = childrenBy("id", element);
  const cards = jobs.map((job) => {
    const card = /** @type {JobCard} */ (known.get(job.id) ?? h("job-card", { "data-id": job.id, "data-kind": job.kind }));
    card.job = job;
    return card;
  });
  arrange(element, cards);
}

/**
 * The jobs of some kinds that are active, and the last one that finished.
 * @param {readonly Job[]} jobs
 * @param {string[]} kinds
 */
export function newest(jobs, kinds) {
  const ours = jobs.filter(({ kind }) => kinds.includes(kind));
  const last = ours.find((job) => !isActive(job));
  return ours.filter((job) => isActive(job) || job === last);
}

/** Emits `cancel` with {id}. */
export class JobCard extends Component {
  #title = h("h3");
  #state = h("span", { className: "badge" });
  #progress = h("progress", { max: 1 });
  #message = h("p", { className: "fine" });
  #curve = h("div", { className: "curve" });
  #strip = h("img", { className: "strip", hidden: true });
  #cancel = button("Cancel", { className: "button outlined" });
  /** @type {Job | undefined} */
  #job;

  /** @param {Job} job */
  set job(job) {
    if (this.#job === job) return;
    this.#job = job;
    const active = isActive(job);
    this.#title.textContent = job.title;
    this.#state.textContent = STATES[job.state] ?? "";
    this.#state.dataset.verdict = job.state;
    this.#progress.hidden = !active;
    this.#cancel.hidden = !active || Boolean(job.local);
    this.#progress.value = job.progress;
    this.#progress.setAttribute("aria-label", job.title);
    this.#message.textContent = words(job);
    this.#message.hidden = this.#message.textContent === this.#state.textContent;
    this.#message.classList.toggle("problem", Boolean(job.error));
    this.#cancel.setAttribute("aria-label", `Cancel ${job.title}`);
    this.#draw(job.detail ?? {});
  }

  build() {
    const head = h("div", { className: "section-head" }, this.#title, this.#state, this.#cancel);
    this.append(head, this.#progress, this.#message, this.#curve, this.#strip);
    this.#cancel.addEventListener("click", () => this.tell("cancel", { id: this.#job?.id }));
  }

  /** @param {NonNullable<Job["detail"]>} parts */
  #draw({ loss = [], strip }) {
    /** @param {number} column */
    const curve = (column) => loss.map((row) => [row[0], row[column]]).filter(([, value]) => Number.isFinite(value));
    const [train, held] = [curve(1), curve(2)];
    if (train.length > 1) this.#curve.replaceChildren(lossChart(train, held), key(held.length > 1));
    this.#strip.hidden = !strip;
    if (!strip || this.#strip.getAttribute("src") === address(strip)) return;
    this.#strip.alt = "Preview of the slider, from one end of its range to the other";
    this.#strip.src = address(strip);
  }
}

/**
 * @param {number[][]} train
 * @param {number[][]} held
 */
function lossChart(train, held) {
  const [first = [], last = []] = [train[0], train.at(-1)];
  const loss = (/** @type {number[]} */ row) => (row[1] ?? 0).toPrecision(2);
  return chart({
    lines: [{ name: "train", points: train }, ...(held.length > 1 ? [{ name: "held", points: held }] : [])],
    xText: (step) => String(Math.round(step)),
    /** @param {number} value */
    yText: (value) => String(Number(value.toPrecision(2))),
    label: `Loss: ${loss(first)} at the start, ${loss(last)} at step ${last[0]}`,
  });
}

/** @param {boolean} held */
function key(held) {
  /**
   * @param {string} className
   * @param {string} text
   */
  const mark = (className, text) => h("span", {}, h("i", { className, "aria-hidden": "true" }), text);
  return h("p", { className: "chart-key" }, mark("train", "training loss"), held ? mark("held", "held-out loss") : null);
}

/** @param {Job} job */
function words({ error, message, eta_s: eta, state }) {
  if (error) return inFull(error);
  const left = state !== "paused" && Number.isFinite(eta) ? ` · about ${duration(eta ?? 0)} left` : "";
  return `${message ?? ""}${left}`;
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

customElements.define("job-card", JobCard);
