/** Asks the server what a dropped file is, and decides what to open it as. */

import { parseEdit } from "../picture/parse-edit.js";
import { inFull } from "../shell/api.js";

const HEAD = 2 ** 20; // bytes of a file's beginning that the server needs
const MiB = 2 ** 20;
const RATINGS = /\.(csv|tsv|txt)$/i; // the one use that only the name of a text file tells
const CHOOSE =
  "Choose a slider (.safetensors, .npz, .npy), a generator (.pkl, .pt, .pth, .safetensors), an attribute model (.onnx), ratings (.csv, .tsv, .txt), a sound, or a picture or film made with Latentwalk.";

/** The largest file for each use, in bytes, and what the file would be. */
const LIMITS = {
  recipe: { largest: 64 * MiB, purpose: "opened" },
  regressor: { largest: 128 * MiB, purpose: "an attribute model" },
  ratings: { largest: 128 * MiB, purpose: "a table of ratings" },
  direction: { largest: 16 * MiB, purpose: "a slider" },
  generator: { largest: 1024 * MiB, purpose: "a generator" },
};
const LARGEST_VECTORS = 64 * MiB; // directions of another program; a larger file can only be a checkpoint

/**
 * What to open a dropped file as: an edit, a walk (`timeline`, `credential`), a sound, a regressor, a direction, a
 * generator, or foreign: another program's directions. `picture` says that it is an image. Throws an Error with a
 * message for anything else.
 * @param {File} file
 * @param {Page["api"]} api
 */
export async function recognise(file, api) {
  const identified = await api.identify(file.slice(0, HEAD), file.size);
  const [use, other] = identified.uses;
  const isText = use === "ratings" && !RATINGS.test(file.name);
  if (!use || isText) throw new Error(refusal(file.name, identified));
  if (use === "recipe") {
    checkSize(file, "recipe");
    return restored(file, api, identified.media_type.startsWith("image/"));
  }
  if (use === "audio") return { kind: "sound" };
  if (use === "ratings") {
    checkSize(file, "ratings");
    return { kind: "ratings" };
  }
  if (use === "external_directions" && file.size <= LARGEST_VECTORS) {
    return { kind: "foreign", maybe: other === "generator" ? "generator" : null };
  }
  const kind = use === "external_directions" ? "generator" : use;
  checkSize(file, kind);
  return { kind };
}

/**
 * @param {string} name
 * @param {IdentifiedFile} identified
 */
function refusal(name, { description, format, hint }) {
  if (format === "unknown" || format === "text") return `“${name}” is not a file that Latentwalk can open. ${hint || CHOOSE}`;
  return `“${name}” is ${description}, which Latentwalk cannot open. ${hint || CHOOSE}`;
}

/**
 * @param {File} file
 * @param {Page["api"]} api
 * @param {boolean} picture
 */
async function restored(file, api, picture) {
  try {
    const found = await api.restore(file);
    return found.kind === "edit" ? { ...found, edit: parseEdit(found.edit) } : found;
  } catch (error) {
    const problem = /** @type {Problem} */ (error);
    if (problem.code !== "invalid") throw problem;
    throw Object.assign(new Error(`“${file.name}”: ${inFull(problem)}`), { picture });
  }
}

/**
 * @param {File} file
 * @param {keyof typeof LIMITS} use
 */
function checkSize({ name, size }, use) {
  const { largest, purpose } = LIMITS[use];
  if (size > largest) throw new Error(`“${name}” is too large to be ${purpose}. The limit is ${largest / MiB} MiB.`);
}
