/** <judge-card> and <judge-plan>: what is said of a judge, and how an uploaded one wants its pictures. */

import { button, definitions, h, Part } from "../dom.js";
import { check, field, number, onSubmit, options, submit } from "../form.js";

const PARTS = {
  measures: "What the number means",
  data: "What it learned from",
  source: "Where it comes from",
  licence: "What it may be used for",
  limits: "Where it misleads",
};

/** Emits `describe` {name, title, card, reason} and `forget` {name}, both bubbling. */
class JudgeCard extends Part {
  #judge = null;

  set judge(judge) {
    if (JSON.stringify(judge) === JSON.stringify(this.#judge)) return;
    this.#judge = judge;
    this.replaceChildren(judge.removable ? this.#form(judge) : reading(judge));
  }

  focus() {
    const blank = [...this.querySelectorAll("textarea")].find(({ value }) => !value.trim());
    (blank ?? this.querySelector("input, textarea"))?.focus();
  }

  #form(judge) {
    const title = h("input", { id: "judge-title", type: "text", maxLength: 80, value: judge.title, required: true });
    const parts = Object.entries(PARTS).map(([part, name]) => {
      const text = longText(part, judge.card[part]);
      text.name = part;
      return field(name, text);
    });
    const reason = longText("reason", judge.reason ?? "");
    reason.setAttribute("aria-describedby", "judge-reason-about");
    const about = h(
      "p",
      { className: "fine", id: "judge-reason-about" },
      "Asked for where a score names what people are, such as gender or age. It is kept with the judge and with its sliders.",
    );
    const form = h(
      "form",
      { className: "stack" },
      field("Title", title),
      ...parts,
      field("Why you need it", reason),
      about,
      button("Keep the card", { type: "submit" }),
    );
    const forget = button("Remove this judge", { className: "button danger" });
    forget.addEventListener("click", () => {
      if (forget.dataset.sure) return this.tell("forget", { name: judge.name });
      forget.dataset.sure = "yes";
      forget.textContent = "Really remove it?";
    });
    form.append(forget);
    onSubmit(form, () => {
      const card = Object.fromEntries(
        [...form.querySelectorAll("textarea[name]")].map(({ name, value }) => [name, value]),
      );
      const said = reason.value.trim();
      this.tell("describe", { name: judge.name, title: title.value, card, ...(said ? { reason: said } : {}) });
    });
    return form;
  }
}

function reading({ card }) {
  const rows = Object.entries(PARTS).map(([part, name]) => [name, card[part] || "–"]);
  return definitions(rows, { className: "facts" });
}

function longText(part, value) {
  return h("textarea", { id: `judge-${part}`, rows: 2, maxLength: 2000, value });
}

customElements.define("judge-card", JudgeCard);

const NONE = "0,0,0/1,1,1";
const IMAGENET = "0.485,0.456,0.406/0.229,0.224,0.225";

/** Emits `plan` {name, plan}, bubbling. */
class JudgePlan extends Part {
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
    const select = (id, choices, chosen) => h("select", { id: `plan-${id}` }, ...options(choices, chosen));
    const scale = select("scale", [["0..1", "0 to 1"], ["-1..1", "−1 to 1"], ["0..255", "0 to 255"]], plan.scale);
    const now = `${plan.mean}/${plan.std}`;
    const known = [
      [NONE, "none"],
      [IMAGENET, "ImageNet mean and deviation"],
    ];
    if (!known.some(([value]) => value === now)) known.push([now, `mean ${plan.mean}, deviation ${plan.std}`]);
    const normal = select("normal", known, now);
    const order = select("order", [["rgb", "red, green, blue"], ["bgr", "blue, green, red"]], plan.order);
    const side = number("plan-side", 8, 1024, plan.side);
    const outputs = passport.outputs.map(([output, , shape]) => [output, `${output} ${shape ? `[${shape.map((one) => one ?? "?").join(", ")}]` : ""}`]);
    const output = select("output", outputs, plan.output);
    const column = number("plan-column", 0, 100000, plan.column);
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
        ? check(softmax, " The numbers are logits: take a softmax")
        : null,
      submit(asks.length ? "Try it and keep this" : "Try it again"),
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

customElements.define("judge-plan", JudgePlan);
