/** <regressor-plan>: how an uploaded regressor expects its input images. */

import { h } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { check, field, number, onSubmit, options, submit } from "../elements/form.js";

/** @typedef {Regressor & Required<Pick<Regressor, "plan" | "passport">>} Uploaded */

const NONE = "0,0,0/1,1,1";
const IMAGENET = "0.485,0.456,0.406/0.229,0.224,0.225";

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

  /** @param {Uploaded} parts */
  #form({ name, plan, passport, asks, trust }) {
    /**
     * @param {string} id
     * @param {[string, string][]} choices
     * @param {string} chosen
     */
    const select = (id, choices, chosen) => h("select", { id: `plan-${id}` }, ...options(choices, chosen));
    const scale = select("scale", [["0..1", "0 to 1"], ["-1..1", "−1 to 1"], ["0..255", "0 to 255"]], plan.scale);
    const now = `${plan.mean}/${plan.std}`;
    /** @type {[string, string][]} */
    const known = [
      [NONE, "none"],
      [IMAGENET, "ImageNet mean and standard deviation"],
    ];
    if (!known.some(([value]) => value === now)) known.push([now, `mean ${plan.mean}, standard deviation ${plan.std}`]);
    const normal = select("normal", known, now);
    const order = select("order", [["rgb", "red, green, blue"], ["bgr", "blue, green, red"]], plan.order);
    const side = number("plan-side", 8, 1024, plan.side);
    /** @type {[string, string][]} */
    const outputs = passport.outputs.map(([output, , shape]) => [output, `${output} ${shape ? `[${shape.map((one) => one ?? "?").join(", ")}]` : ""}`]);
    const output = select("output", outputs, plan.output);
    const column = number("plan-column", 0, 100000, plan.column);
    const softmax = h("input", { id: "plan-softmax", type: "checkbox", checked: plan.softmax });
    /** @param {string} part */
    const asked = (part) => asks.includes(part);
    const told = h(
      "p",
      { className: "fine" },
      `${passport.nodes} nodes, ${passport.parameters.toLocaleString("en")} parameters, opset ${passport.opset}${
        passport.producer ? `, by ${passport.producer}` : ""
      }. Opened in a sandbox.`,
    );
    const tried = trust && !asks.length ? `Scores of ${trust.n} test pictures: ${trust.mean} ± ${trust.deviation}.` : "";
    const form = h(
      "form",
      { className: "stack" },
      h("h3", {}, "Input images"),
      told,
      field("Value range", scale),
      field("Normalisation", normal),
      field("Channel order", order),
      field("Size in pixels", side),
      outputs.length > 1 ? field("Output", output) : null,
      asked("column") || plan.column ? field("Index of the score in the output, from 0", column) : null,
      asked("softmax") || plan.softmax
        ? check(softmax, " The outputs are logits: apply a softmax")
        : null,
      submit(asks.length ? "Test and save" : "Test again"),
      h("p", { className: "fine" }, tried),
    );
    side.disabled = !asked("side") && asks.length > 0;
    onSubmit(form, () => {
      const [mean, std] = normal.value.split("/").map((text) => text.split(",").map(Number));
      const wanted = {
        scale: scale.value,
        mean,
        std,
        order: order.value,
        side: side.valueAsNumber,
        output: output.value,
        column: column.valueAsNumber,
        softmax: softmax.checked,
      };
      this.tell("plan", { name, plan: wanted });
    });
    return form;
  }
}

customElements.define("regressor-plan", RegressorPlan);
