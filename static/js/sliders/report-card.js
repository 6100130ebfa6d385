/** <report-card>: how well a direction works, measured on pictures it was not learned from. */

import { address, api } from "../shell/api.js";
import { chart } from "../elements/chart.js";
import { amountAt, coordinate, describe } from "./units.js";
import { button, h, icon } from "../elements/dom.js";
import { Component } from "../elements/component.js";

/** @type {Record<string, string>} */
const METHODS = {
  walk: "learned",
  closed_form: "closed form",
  pca: "PCA",
  sefa: "SeFa",
  styles: "style channel",
  exact: "exact",
  score: "learned from a score",
};

/** @type {Record<"edit_error" | "closed_form_error" | "pca_error" | "random_error", string>} */
const ERRORS = {
  edit_error: "Error of this slider",
  closed_form_error: "Error of the closed form",
  pca_error: "Error of the best PCA component",
  random_error: "Error of a random direction",
};

/** Emits `remove` when the direction is to be deleted (asked twice). */
export class ReportCard extends Component {
  #sure = 0;

  /**
   * A direction with its full card, or null for one that could not be fetched.
   * @param {Direction | null} direction
   */
  set direction(direction) {
    if (!direction) {
      this.replaceChildren(h("p", { className: "empty" }, "The report could not be loaded."));
      return;
    }
    const { card } = direction;
    const { reached = [] } = card ?? {};
    const curve = reached.length > 1 ? response(direction, reached) : null;
    const measured = card ? figures(card) : h("p", { className: "empty" }, "This slider has not been measured.");
    const alt = `${direction.name} from one end of its range to the other, on several pictures`;
    const { strip: src } = direction;
    const strip = src ? h("img", { className: "strip", src: address(src), loading: "lazy", alt }) : null;
    const parts = [warned(direction), curve, measured, factors(direction), strip, mirrored(direction), made(direction)];
    this.replaceChildren(...parts.filter((part) => part !== null), this.#actions(direction));
  }

  build() {
    this.append(h("p", { className: "empty" }, "Loading the report…"));
  }

  disconnectedCallback() {
    clearTimeout(this.#sure);
  }

  /** @param {Direction} direction */
  #actions({ generator, id, name, removable }) {
    const [href, download] = [api.directionFile(generator, id), `${generator}-${id}.safetensors`];
    const file = h("a", { className: "button", href, download }, icon("download"), "Download slider");
    const actions = h("div", { className: "actions" }, file);
    if (removable) {
      const props = { className: "button danger", "aria-label": `Delete ${name}` };
      const remove = button(icon("trash"), { ...props, onclick: () => this.#remove(remove) }, "Delete");
      actions.append(remove);
    }
    return actions;
  }

  /** @param {HTMLElement} asked */
  #remove(asked) {
    if (this.#sure) return this.tell("remove");
    const label = asked.lastChild ?? asked;
    label.textContent = "Really delete?";
    asked.setAttribute("aria-label", "Really delete?");
    this.#sure = setTimeout(() => {
      this.#sure = 0;
      label.textContent = "Delete";
    }, 4000);
  }
}

/**
 * @param {Direction} direction
 * @param {number[][]} reached rows of the requested change, the achieved one, and the ends of its spread
 */
function response({ unit, range, name }, reached) {
  /** @param {number} amount */
  const at = (amount) => coordinate(unit, amount);
  const rows = /** @type {[number, number, number, number][]} */ (
    reached.map((row) => row.map(at)).filter((row) => row.every(Number.isFinite))
  );
  /** @param {number} position */
  const text = (position) => describe(unit, amountAt(unit, position));
  const ends = /** @type {[number[], number[]]} */ ([rows[0], rows.at(-1)]);
  const label = `${name}: a requested change of ${text(ends[0][0])} achieves ${text(ends[0][1])}; ${text(ends[1][0])} achieves ${text(ends[1][1])}.`;
  const drawing = chart({
    lines: [
      { name: "ideal", points: clippedIdeal(rows) },
      { name: "train", points: rows },
    ],
    band: rows.map(([asked, , low, high]) => [asked, low, high]),
    shade: range.map(at),
    xTicks: [ends[0][0], ...(ends[0][0] < 0 && ends[1][0] > 0 ? [0] : []), ends[1][0]],
    xText: text,
    yText: text,
    label,
  });
  const words = "Requested change (horizontal) and achieved change (vertical) with its spread. Shaded: measured range. Dotted: ideal response.";
  return h("figure", {}, drawing, h("figcaption", {}, words));
}

// The ideal response, clipped to the achieved values so that it does not flatten the curve.
/** @param {[number, number, number, number][]} rows */
function clippedIdeal(rows) {
  const heights = rows.flatMap(([, reached, low, high]) => [reached, low, high]);
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const from = Math.max(rows[0]?.[0] ?? low, low);
  const to = Math.min(rows.at(-1)?.[0] ?? high, high);
  return [
    [from, from],
    [to, to],
  ];
}

/** @param {Report} card */
function figures(card) {
  /** @param {number | undefined} value */
  const number = (value) => (value !== undefined && Number.isFinite(value) ? value.toFixed(2) : "–");
  /** @param {number} share */
  const percent = (share) => `${Math.round(share * 100)} %`;
  /**
   * @param {number | undefined} value
   * @param {string} term
   * @param {string} about
   * @param {string} [text]
   */
  const figure = (value, term, about, text = number(value)) =>
    value !== undefined && Number.isFinite(value) ? [[term, text, about]] : [];
  const { slope_ci: ends, identity_error: identity, judge, diversity, n } = card;
  /** @param {number | undefined} value */
  const against = (value) => number(identity && identity > 0 && value !== undefined ? value / identity : value);
  const errorNames = /** @type {(keyof typeof ERRORS)[]} */ (Object.keys(ERRORS));
  const errors = errorNames.flatMap((key) =>
    figure(card[key], ERRORS[key], "Distance from the true transform; no change is 1", against(card[key])),
  );
  if (errors.length) errors.push(["Error of no change", "1.00", "The unit of the other errors"]);
  const interval = ends ? ` (${ends.map(number).join(" to ")})` : "";
  const rows = [
    ...figure(card.slope, "Slope", "Achieved change over requested change; 1 is ideal", `${number(card.slope)}${interval}`),
    ...figure(card.monotone, "Monotonic", "Share of pictures", percent(card.monotone ?? 0)),
    ...errors,
    ...figure(card.leakage, "Leakage", "Change of other attributes, in standard deviations"),
    ...figure(card.positive, "Increases overall", "Share of pictures", percent(card.positive ?? 0)),
  ];
  if (judge) rows.push([`Slope by ${judge.name}`, number(judge.slope), "Slope of the score of a second regressor"]);
  if (diversity?.length) {
    const least = Math.min(...diversity.map(([, share]) => share));
    rows.push(["Diversity kept", percent(least), "Smallest share of the diversity between seeds at neutral"]);
  }
  rows.push(...figure(card.seeds_cosine, "Agreement of two runs", "Cosine of the directions learned with two seeds"));
  if (n) rows.push(["Measured on", `${n} pictures`, "Held out from training"]);
  const pairs = rows.flatMap(([term, text, title]) => [h("dt", { title }, term), h("dd", {}, text)]);
  return h("dl", { className: "figures" }, ...pairs);
}

// Sliders for attributes of people show their warning first.
/** @param {Direction} direction */
function warned({ settings }) {
  if (!settings?.warning) return null;
  const why = settings.reason ? `Reason for this slider: ${settings.reason}` : "";
  return h("p", { className: "problem" }, `${settings.warning} ${why}`.trim());
}

/** @param {Direction} direction */
function factors({ card }) {
  const rows = Object.entries(card?.factors ?? {})
    .filter(([, { sign, r2 }]) => sign !== "0" && r2 >= 0.05)
    .sort(([, one], [, other]) => other.r2 - one.r2)
    .slice(0, 5)
    .map(([name, { sign, slope, r2 }]) =>
      h("li", {}, `${sign === "+" ? "more" : "less"} ${name} (${Math.abs(slope).toFixed(1)} sd, R² ${r2.toFixed(2)})`),
    );
  return rows.length
    ? h("div", {}, h("p", { className: "fine" }, "Correlated changes:"), h("ul", { className: "factors" }, ...rows))
    : null;
}

// If the variation of the training pictures is known: each class against how far the slider moves it.
/** @param {Direction} direction */
function mirrored({ mirror, unit, name }) {
  const classes = Object.entries(mirror?.classes ?? {});
  if (!mirror || !classes.length) return null;
  /** @param {number} amount */
  const at = (amount) => coordinate(unit, amount);
  /** @param {number} position */
  const text = (position) => describe(unit, amountAt(unit, position));
  /** @type {[number, number, string][]} */
  const dots = classes.map(([title, [designed, reached]]) => [
    at(designed),
    at(reached),
    `${title}: training pictures vary by ${describe(unit, designed)}, the slider achieves ${describe(unit, reached)}`,
  ]);
  const found = mirror.r === null ? "" : ` Correlation ${mirror.r.toFixed(2)} over ${mirror.n} classes.`;
  const label = `${name} per class, compared with the training pictures.${found}`;
  const drawing = chart({ dots, xText: text, yText: text, label });
  const words = `Data coverage. Each dot is a class: variation of its training pictures (horizontal), achieved change along a direction in z (vertical).${found}`;
  return h("figure", {}, drawing, h("figcaption", {}, words));
}

/** @param {Direction} direction */
function made({ method, kind, seed, created, origin, settings = {}, asked, unit }) {
  const steps = settings.steps ? `${settings.steps} steps` : null;
  const way = `${METHODS[method] ?? method}${kind === "path" ? " along a path" : ""}`;
  const span = asked ? `training range ${asked.map((end) => describe(unit, end)).join(" to ")}` : null;
  const words = [way, steps, `seed ${seed}`, span, origin, created].filter(Boolean);
  return h("p", { className: "fine" }, words.join(" · "));
}

customElements.define("report-card", ReportCard);
