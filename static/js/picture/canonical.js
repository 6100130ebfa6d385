/** The canonical JSON of an edit, byte for byte the same as the server's, and its base64url code for links. */

/**
 * Sorted keys, no spaces, defaults left out, whole numbers without a point.
 * @param {EditParts} edit
 */
export function canonical(edit) {
  return spell(withoutDefaults(edit));
}

/**
 * The edit as a link's fragment: base64url of its canonical JSON, without padding.
 * @param {EditParts} edit
 */
export function toCode(edit) {
  const bytes = new TextEncoder().encode(canonical(edit));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * The inverse of `toCode`: decoded JSON, not yet known to be an edit. Throws for anything else.
 * @param {string} code
 */
export function fromCode(code) {
  const text = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** @param {EditParts} edit */
function withoutDefaults(edit) {
  const kept = Object.entries(edit).filter(([name, value]) => {
    if (name === "truncation") return value !== 1;
    if (Array.isArray(value)) return name !== "hold" || value.length > 0;
    if (name === "cutoff") return value !== null;
    if (name === "mean") return value !== "own";
    return !["classes", "amounts", "layers", "styles"].includes(name) || Object.keys(/** @type {object} */ (value)).length > 0;
  });
  const { space, ...base } = edit.base ?? {};
  return { ...Object.fromEntries(kept), base: space === "w" ? edit.base : base };
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function spell(value) {
  if (typeof value === "number") return spellNumber(value);
  if (typeof value === "string") return spellText(value);
  if (Array.isArray(value)) return `[${value.map(spell).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  const table = /** @type {Record<string, unknown>} */ (value);
  const names = Object.keys(table).sort();
  return `{${names.map((name) => `${spellText(name)}:${spell(table[name])}`).join(",")}}`;
}

// Python writes the same shortest digits as JavaScript, but turns to exponents earlier and pads them to two figures.
/** @param {number} number */
function spellNumber(number) {
  if (Number.isInteger(number) && Math.abs(number) < 2 ** 53) return String(number + 0);
  const [digits, exponent] = number.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const text = String(number);
  return text.includes(".") ? text : `${text}.0`;
}

/** @param {string} text */
function spellText(text) {
  /** @param {string} character */
  const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escape);
}
