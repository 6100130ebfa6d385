/** <regressor-plan>: how an uploaded regressor takes images, and which of its numbers is the score. */

import { h } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { field, number, onSubmit, options, submit } from "../elements/form.js";

/** @typedef {Regressor & Required<Pick<Regressor, "plan" | "passport">>} Uploaded */

const NONE = "0,0,0/1,1,1";
const IMAGENET = "0.485,0.456,0.406/0.229,0.224,0.225";
const CUSTOM = "custom";
const MOST_BINS = 1000;

/** Emits `plan` {name, plan}, bubbling. */
export class RegressorPlan extends Component {
  /** @type {Regressor | undefined} */
  #regressor;

  /** @param {Regressor} regressor */
  set regressor(regressor) {
    if (!regressor.plan || JSON.stringify(regressor) === JSON.stringify(this.#regressor)) return;
    this.#regressor = regressor;
    this.replaceChildren(this.#form(/** @type {Uploaded} */ (regressor)));
  }

  focus() {
    this.querySelector("select")?.focus();
  }

  /** @param {Uploaded} regressor */
  #form(regressor) {
    const { name, plan, passport, asks, trust, notes = [] } = regressor;
    const input = inputFields(plan, passport.shape ?? []);
    const score = scoreFields(plan, passport.outputs);
    const told = `${passport.nodes} nodes, ${passport.parameters.toLocaleString("en")} parameters, opset ${passport.opset}${
      passport.producer ? `, by ${passport.producer}` : ""
    }. Opened in a sandbox.`;
    const tried = trust?.mean !== undefined ? `Scores of ${trust.n} test pictures: ${trust.mean} ± ${trust.deviation}.` : "";
    const form = h(
      "form",
      { className: "stack" },
      h("h3", {}, "Input images"),
      h("p", { className: "fine" }, told),
      ...input.fields,
      h("h3", {}, "Score"),
      ...score.fields,
      submit(asks.length ? "Test and save" : "Test again and save"),
      h("p", { className: "fine", role: "status" }, [tried, ...notes].filter(Boolean).join(" ")),
    );
    onSubmit(form, () => this.tell("plan", { name, plan: { ...input.values(), ...score.values() } }));
    return form;
  }
}

/**
 * The fields for the images, and their values as parts of a plan. What the file determines is shown, but fixed.
 * @param {Uploaded["plan"]} plan
 * @param {(number | null)[]} shape
 */
function inputFields(plan, shape) {
  const layout = select("layout", [["nchw", "NCHW"], ["nhwc", "NHWC"]], plan.layout);
  layout.disabled = [1, 3].some((count) => shape[1] === count || shape[3] === count);
  const channels = select(
    "channels",
    [["rgb", "RGB"], ["bgr", "BGR"], ["grey", "grey"]],
    plan.channels === 1 ? "grey" : plan.order,
  );
  const fixed = shape[plan.layout === "nchw" ? 1 : 3];
  for (const option of channels.options) option.disabled = Boolean(fixed) && (option.value === "grey") !== (fixed === 1);
  const sides = plan.layout === "nchw" ? shape.slice(2) : shape.slice(1, 3);
  const side = number("plan-side", 8, 1024, plan.side);
  side.disabled = layout.disabled && sides.some(Boolean);
  const batch = h("input", { id: "plan-batch", type: "number", min: 1, max: 64, placeholder: "any" });
  batch.value = plan.batch ? String(plan.batch) : "";
  batch.disabled = Boolean(shape[0]);
  const scale = select("scale", [["0..1", "0 to 1"], ["-1..1", "−1 to 1"], ["0..255", "0 to 255"]], plan.scale);
  const now = `${plan.mean}/${plan.std}`;
  const known = [NONE, IMAGENET].includes(now);
  const normal = select(
    "normal",
    [[NONE, "none"], [IMAGENET, "ImageNet"], [CUSTOM, "mean and deviation…"]],
    known ? now : CUSTOM,
  );
  const mean = numbers("mean", plan.mean.join(", "), "three numbers: red, green, blue");
  const std = numbers("std", plan.std.join(", "), "three numbers: red, green, blue");
  const custom = h("div", { className: "pair" }, field("Mean", mean), field("Standard deviation", std));
  const show = () => {
    custom.hidden = normal.value !== CUSTOM;
    for (const one of [mean, std]) one.disabled = custom.hidden;
  };
  normal.addEventListener("change", show);
  show();
  const values = () => {
    const [means, stds] =
      normal.value === CUSTOM ? [parsed(mean.value), parsed(std.value)] : normal.value.split("/").map(parsed);
    return {
      layout: layout.value,
      channels: channels.value === "grey" ? 1 : 3,
      order: channels.value === "bgr" ? "bgr" : "rgb",
      side: side.valueAsNumber,
      batch: batch.value ? batch.valueAsNumber : null,
      scale: scale.value,
      mean: means,
      std: stds,
    };
  };
  const fields = [
    h("div", { className: "pair" }, field("Layout", layout), field("Channels", channels)),
    h("div", { className: "pair" }, field("Size in pixels", side), field("Pictures per call", batch)),
    field("Value range", scale),
    field("Normalisation", normal),
    custom,
  ];
  return { fields, values };
}

/**
 * The fields for what becomes of the model's numbers, and their values as parts of a plan.
 * @param {Uploaded["plan"]} plan
 * @param {[string, unknown, (number | null)[]?][]} outputs
 */
function scoreFields(plan, outputs) {
  const { bins = [] } = plan;
  const names = outputs.map(([name, , shape]) => /** @type {[string, string]} */ ([name, `${name} ${shapeText(shape)}`]));
  const output = select("output", names, plan.output);
  const width = () => {
    const shape = outputs.find(([name]) => name === output.value)?.[2];
    return shape && shape.length > 1 ? shape.at(-1) : shape ? 1 : null;
  };
  const how = select("score", [["column", "one column"], ["bins", "mean over all columns"]], bins.length ? "bins" : "column");
  const column = number("plan-column", 0, 100000, plan.column);
  const values = numbers("bins", bins.length ? bins.join(", ") : "", "one number per column");
  const activation = select(
    "activation",
    [["none", "none"], ["softmax", "softmax (over all columns)"], ["sigmoid", "sigmoid"]],
    plan.softmax ? "softmax" : plan.sigmoid ? "sigmoid" : "none",
  );
  const columnField = field("Column, from 0", column);
  const about = "Each column is the probability of its value, as the ten ratings of NIMA.";
  const binsField = h("div", { className: "stack" }, field("Values of the columns", values), h("p", { className: "fine" }, about));
  const show = () => {
    const many = how.value === "bins";
    columnField.hidden = column.disabled = many;
    binsField.hidden = !many;
    values.disabled = !many;
    const count = width();
    if (many && !values.value && count && count > 1 && count <= MOST_BINS) {
      values.value = Array.from({ length: count }, (_, index) => index + 1).join(", ");
    }
  };
  how.addEventListener("change", show);
  show();
  const fields = [
    outputs.length > 1 ? field("Output", output) : null,
    field("Take", how),
    columnField,
    binsField,
    field("Activation that the model lacks", activation),
  ];
  return {
    fields: fields.filter((one) => one !== null),
    values: () => ({
      output: output.value,
      column: how.value === "bins" ? 0 : column.valueAsNumber,
      bins: how.value === "bins" ? parsed(values.value) : [],
      softmax: activation.value === "softmax",
      sigmoid: activation.value === "sigmoid",
    }),
  };
}

/**
 * @param {string} id
 * @param {[string, string][]} choices
 * @param {string} chosen
 */
function select(id, choices, chosen) {
  return h("select", { id: `plan-${id}` }, ...options(choices, chosen));
}

/**
 * A field for numbers with commas between them.
 * @param {string} id
 * @param {string} value
 * @param {string} title
 */
function numbers(id, value, title) {
  const one = "\\s*-?[0-9]*\\.?[0-9]+(e-?[0-9]+)?\\s*";
  return h("input", { id: `plan-${id}`, type: "text", pattern: `${one}(,${one})*`, required: true, autocomplete: "off", title, value });
}

/** @param {string} text */
function parsed(text) {
  return text.split(",").map(Number);
}

/** @param {(number | null)[] | undefined} shape */
function shapeText(shape) {
  return shape ? `[${shape.map((one) => one ?? "?").join(", ")}]` : "";
}

customElements.define("regressor-plan", RegressorPlan);
