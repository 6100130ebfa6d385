/** <judge-plan>: how an uploaded model wants its pictures: what its file tells, what must be asked, and a trial. */

import { h } from "../dom.js";
import { field } from "../form.js";

const NONE = "0,0,0/1,1,1";
const IMAGENET = "0.485,0.456,0.406/0.229,0.224,0.225";

/** Emits `plan` {name, plan}, bubbling. */
export class JudgePlan extends HTMLElement {
  #judge = null;

  set judge(judge) {
    if (!judge.plan || JSON.stringify(judge) === JSON.stringify(this.#judge)) return;
    this.#judge = judge;
    this.replaceChildren(this.#form(judge));
  }

  focus() {
    this.querySelector("select, input")?.focus();
  }

  #form({ name, plan, passport, asks, trust }) {
    const select = (id, choices, chosen) =>
      h(
        "select",
        { id: `plan-${id}` },
        ...choices.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
      );
    const scale = select("scale", [["0..1", "0 to 1"], ["-1..1", "−1 to 1"], ["0..255", "0 to 255"]], plan.scale);
    const now = `${plan.mean}/${plan.std}`;
    const known = [
      [NONE, "none"],
      [IMAGENET, "ImageNet mean and deviation"],
    ];
    if (!known.some(([value]) => value === now)) known.push([now, `mean ${plan.mean}, deviation ${plan.std}`]);
    const normal = select("normal", known, now);
    const order = select("order", [["rgb", "red, green, blue"], ["bgr", "blue, green, red"]], plan.order);
    const side = h("input", { id: "plan-side", type: "number", min: 8, max: 1024, value: plan.side, required: true });
    const outputs = passport.outputs.map(([output, , shape]) => [output, `${output} ${shape ? `[${shape.map((one) => one ?? "?").join(", ")}]` : ""}`]);
    const output = select("output", outputs, plan.output);
    const column = h("input", { id: "plan-column", type: "number", min: 0, max: 100000, value: plan.column, required: true });
    const softmax = h("input", { id: "plan-softmax", type: "checkbox", checked: plan.softmax });
    const asked = (part) => asks.includes(part);
    const told = h(
      "p",
      { className: "fine" },
      `${passport.nodes} nodes, ${passport.parameters.toLocaleString("en")} parameters, opset ${passport.opset}${
        passport.producer ? `, by ${passport.producer}` : ""
      }. Opened in a jail.`,
    );
    const tried = trust && !asks.length ? `Tried on ${trust.n} pictures: ${trust.mean} ± ${trust.deviation}.` : "";
    const form = h(
      "form",
      { className: "stack" },
      h("h3", {}, "How it wants its pictures"),
      told,
      field("Values", scale),
      field("Normalised by", normal),
      field("Colours in the order", order),
      field("Side in pixels", side),
      outputs.length > 1 ? field("Which output", output) : null,
      asked("column") || plan.column ? field("Which number of it is the score, from 0", column) : null,
      asked("softmax") || plan.softmax
        ? h("label", { className: "check" }, softmax, " The numbers are logits: take a softmax")
        : null,
      h("button", { type: "submit", className: "button primary" }, asks.length ? "Try it and keep this" : "Try it again"),
      h("p", { className: "fine" }, tried),
    );
    side.disabled = !asked("side") && asks.length > 0;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const [mean, std] = normal.value.split("/").map((text) => text.split(",").map(Number));
      const detail = {
        name,
        plan: {
          scale: scale.value,
          mean,
          std,
          order: order.value,
          side: side.valueAsNumber,
          output: output.value,
          column: column.valueAsNumber,
          softmax: softmax.checked,
        },
      };
      this.dispatchEvent(new CustomEvent("plan", { detail, bubbles: true }));
    });
    return form;
  }
}

customElements.define("judge-plan", JudgePlan);
