/** Units of sliders: formats amounts ("×1.40", "+6.0 px") and converts them to the coordinate in which effects add up. */

/** @type {Record<string, string>} */
const WORDS = { x: "times", px: "pixels", "%": "per cent", "°": "degrees", deg: "degrees", σ: "sigma" };

/**
 * 0 at neutral, signed: log2 of the factor on a log scale, the difference on a linear one.
 * @param {Unit} unit
 * @param {number} amount
 */
export function coordinate(unit, amount) {
  return unit.scale === "log" ? Math.log2(amount / unit.neutral) : amount - unit.neutral;
}

/**
 * @param {Unit} unit
 * @param {number} position
 */
export function amountAt(unit, position) {
  return unit.scale === "log" ? unit.neutral * 2 ** position : position + unit.neutral;
}

/**
 * An amount without digits nobody can see: two more than are shown, so that links stay short.
 * @param {Unit} unit
 * @param {number} amount
 */
export function tidy(unit, amount) {
  return Number(amount.toFixed(unit.decimals + 2));
}

/**
 * The amount as people read it, with a true minus sign.
 * @param {Unit} unit
 * @param {number} amount
 */
export function describe(unit, amount) {
  const digits = Math.abs(amount).toFixed(unit.decimals);
  if (unit.scale === "log") return `${unit.symbol === "x" ? "×" : unit.symbol}${digits}`;
  const zero = Number(digits) === 0;
  const sign = zero ? "" : amount < 0 ? "−" : "+";
  const signed = unit.neutral === 0 ? `${sign}${digits}` : digits;
  if (!unit.symbol) return signed;
  return unit.symbol === "°" ? `${signed}°` : `${signed} ${unit.symbol}`;
}

/**
 * The amount as a screen reader should say it.
 * @param {Unit} unit
 * @param {number} amount
 */
export function spoken(unit, amount) {
  const digits = Math.abs(amount).toFixed(unit.decimals);
  const sign = amount < 0 && Number(digits) !== 0 ? "minus " : "";
  return `${sign}${digits} ${WORDS[unit.symbol] ?? unit.symbol}`.trim();
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * The number in what a person typed ("x1.4", "−6 px", "1,5"); null where there is none, or none that a unit has.
 * @param {string} text
 * @param {Unit} unit
 */
export function parseAmount(text, { scale }) {
  const plain = text.replaceAll("−", "-").replace(",", ".");
  const found = plain.match(/^[^\d+\-.]*([+-]?\s*(?:\d+\.?\d*|\.\d+))\s*[^\d]*$/);
  const number = found && Number(found[1]?.replace(/\s/g, ""));
  return scale === "log" && number !== null && number <= 0 ? null : number;
}
