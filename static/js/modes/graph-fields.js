/** The fields of an ONNX generator in its passport: the range of its values, and what its inputs are. */

import { h } from "../elements/dom.js";
import { field, number, options } from "../elements/form.js";

const RANGES = /** @type {[string, string][]} */ ([
  ["-1..1", "−1 to 1"],
  ["0..1", "0 to 1"],
  ["0..255", "0 to 255"],
]);
const ROLES = /** @type {[string, string][]} */ ([
  ["z", "latent z"],
  ["weights", "class weights (one-hot)"],
  ["label", "class label"],
  ["psi", "truncation psi"],
  ["constant", "constant 1"],
]);

/**
 * `look(graph)` is called when a field has changed; `values()` is what goes with the file when it is kept.
 * @param {Pick<CheckpointPassport, "graph" | "sizes">} passport
 * @param {(graph: object) => void} look
 */
export function graphFields({ graph, sizes }, look) {
  if (!graph) return { fields: [], values: () => ({}) };
  const range = h("select", { id: "passport-range" }, ...options(RANGES, graph.range));
  range.setAttribute("aria-describedby", "passport-range-about");
  const about = graph.is_range_given
    ? `Values of ${graph.samples} pictures: ${graph.low.toFixed(2)} to ${graph.high.toFixed(2)}.`
    : `A guess: the values of ${graph.samples} pictures run from ${graph.low.toFixed(2)} to ${graph.high.toFixed(2)}. If the picture looks washed out or too hard, choose another.`;
  const roles = graph.inputs.map(([name, role], index) => h("select", { id: `passport-input-${index}`, name }, ...options(ROLES, role)));
  const classes = number("passport-classes", 2, 10000, sizes.classes);
  const labelled = graph.inputs.some(([, role]) => role === "label");
  const several = graph.inputs.length > 1;
  const wanted = () => ({
    range: range.value,
    ...(several ? { inputs: Object.fromEntries(roles.map(({ name, value }) => [name, value])) } : {}),
    ...(labelled ? { classes: classes.valueAsNumber } : {}),
  });
  let given = graph.is_range_given || graph.is_given;
  for (const one of [range, ...roles, classes]) {
    one.addEventListener("change", () => {
      given = true;
      if (!labelled || classes.checkValidity()) look(wanted());
    });
  }
  const inputs = graph.inputs.map(([name, , dtype, shape], index) => field(`Input “${name}”, ${dtype} ${shape}`, /** @type {HTMLElement} */ (roles[index])));
  const fields = [
    field("Range of the values", range),
    h("p", { className: "fine", id: "passport-range-about" }, about),
    ...(several ? inputs : []),
    ...(labelled ? [field("Number of classes", classes)] : []),
  ];
  return { fields, values: () => (given ? { graph: wanted() } : {}) };
}
