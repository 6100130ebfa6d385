/** Small SVG charts: the response curve of a slider, the loss while something is learned. */

import { s } from "./dom.js";

const [WIDTH, HEIGHT] = [280, 132];
const PAD = { left: 40, right: 8, top: 8, bottom: 22 };

/**
 * A chart. `lines` are {points: [[x, y]...], name} drawn in order, `band` is [[x, low, high]...], `shade` [from, to]
 * on x, `dots` [[x, y, name]]. `xText`/`yText` spell a tick. `label` is the whole chart in words.
 * @param {{lines?: {points: number[][], name: string}[], dots?: [number, number, string][], band?: number[][], shade?: number[] | null, xText: (value: number) => string, yText: (value: number) => string, label: string, xTicks?: number[] | null}} parts
 */
export function chart({ lines = [], dots = [], band = [], shade = null, xText, yText, label, xTicks = null }) {
  const points = [...lines.flatMap((line) => line.points), ...dots];
  const xs = extent([...points.map(([x]) => x), ...band.map(([x]) => x)]);
  const ys = extent([...points.map(([, y]) => y), ...band.flatMap(([, low, high]) => [low, high])]);
  /** @param {number} value */
  const x = (value) => PAD.left + ((value - xs[0]) / (xs[1] - xs[0])) * (WIDTH - PAD.left - PAD.right);
  /** @param {number} value */
  const y = (value) => HEIGHT - PAD.bottom - ((value - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - PAD.top - PAD.bottom);
  /** @param {number[]} parts */
  const at = ([one, other]) => `${x(one).toFixed(1)},${y(other).toFixed(1)}`;
  const svg = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  if (shade) {
    const [from, to] = shade.map((end) => x(Math.min(Math.max(end, xs[0]), xs[1])));
    svg.append(
      s("rect", {
        class: "shade",
        x: from,
        y: PAD.top,
        width: Math.max(to - from, 0),
        height: HEIGHT - PAD.top - PAD.bottom,
      }),
    );
  }
  for (const tick of ticks(ys)) {
    svg.append(s("line", { class: "grid", x1: PAD.left, x2: WIDTH - PAD.right, y1: y(tick), y2: y(tick) }));
    svg.append(s("text", { x: PAD.left - 5, y: y(tick) + 3.5, "text-anchor": "end" }, yText(tick)));
  }
  const marks = xTicks ?? [xs[0], (xs[0] + xs[1]) / 2, xs[1]];
  marks.forEach((tick, index) => {
    const anchor = index === 0 ? "start" : index === marks.length - 1 ? "end" : "middle";
    svg.append(s("text", { x: x(tick), y: HEIGHT - 6, "text-anchor": anchor }, xText(tick)));
  });
  if (band.length) {
    const there = band.map(([one, , high]) => at([one, high]));
    const back = band.map(([one, low]) => at([one, low])).reverse();
    svg.append(s("polygon", { class: "band", points: [...there, ...back].join(" ") }));
  }
  for (const { points: line, name } of lines) {
    svg.append(s("polyline", { class: `line ${name}`, points: line.map(at).join(" ") }));
  }
  for (const [one, other, name] of dots) {
    svg.append(s("circle", { class: "dot", cx: x(one), cy: y(other), r: 4 }, s("title", {}, name)));
  }
  return svg;
}

/** @param {number[]} values */
function extent(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** @param {number[]} parts */
function ticks([low, high]) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * step);
}
