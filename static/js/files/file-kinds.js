/** Recognises what a dropped file is: a slider, a sound, a model, or a picture or film that carries its own recipe. */

import { parseEdit } from "../picture/parse-edit.js";
import { inFull } from "../shell/api.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10]; // of a PNG
const KEYWORD = "latentwalk"; // of the text chunk in which a PNG of ours carries its edit
const LARGEST_REGRESSOR = 128 * 2 ** 20;
const REGRESSORS = /\.(onnx|csv)$/i;
const CHECKPOINTS = /\.(pkl|pickle|pt|pth|bin|safetensors)$/i;
const VECTORS = /\.(np[yz]|pth?)$/i;
const LARGEST_CHECKPOINT = 2 ** 30;
const LARGEST_VECTORS = 64 * 2 ** 20;
const PICKLED = /\.(ckpt|pt2|joblib)$/i;
const LARGEST_DIRECTION = 16 * 2 ** 20;
const LARGEST_FILM = 64 * 2 ** 20;
const OURS = /\.(png|jpe?g|webp|gif|mp4|webm|zip|json)$/i;
const SOUNDS = /\.(mp3|wav|ogg|oga|opus|flac|m4a|aac)$/i;

/**
 * What a dropped file is, under its `kind`: an edit, a walk (`timeline`, `credential`), a sound, a regressor, a direction,
 * a generator, or foreign: another program's. Throws an Error with a sentence for anything else.
 * @param {File} file
 * @param {Page["api"]} api
 */
export async function recognise(file, api) {
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const text = isPng(head) ? storedText(new Uint8Array(await file.arrayBuffer())) : null;
  if (text !== null) return { kind: "edit", edit: recipeIn(text, file.name) };
  if (isPng(head) || OURS.test(file.name)) return restored(file, api);
  if (SOUNDS.test(file.name)) return { kind: "sound" };
  if (REGRESSORS.test(file.name)) {
    fits(file, LARGEST_REGRESSOR, "an attribute model");
    return { kind: "regressor" };
  }
  if (PICKLED.test(file.name)) {
    throw new Error(
      `“${file.name}” may contain code, so it is not opened. Export the model with torch.onnx.export and drop the .onnx file.`,
    );
  }
  if (file.name.endsWith(".safetensors") && (await isDirection(file))) {
    fits(file, LARGEST_DIRECTION, "a slider");
    return { kind: "direction" };
  }
  if (VECTORS.test(file.name) && file.size <= LARGEST_VECTORS) {
    return { kind: "foreign", maybe: CHECKPOINTS.test(file.name) ? "generator" : null };
  }
  if (!CHECKPOINTS.test(file.name)) {
    throw new Error(
      `“${file.name}” is not a file that Latentwalk can open. Drop a slider (.safetensors, .npz, .npy), a generator (.pkl, .pt, .pth, .safetensors), an attribute model (.onnx), ratings (.csv), a sound, or a picture or film made with Latentwalk.`,
    );
  }
  fits(file, LARGEST_CHECKPOINT, "a generator");
  return { kind: "generator" };
}

// Ours says so in the header, which is JSON behind eight bytes of its length.
/** @param {File} file */
async function isDirection(file) {
  return (await file.slice(8, 8 + 2 ** 20).text()).includes("latentwalk.direction");
}

/**
 * @param {string} text
 * @param {string} name
 */
function recipeIn(text, name) {
  try {
    return parseEdit(JSON.parse(text));
  } catch {
    throw new Error(`The recipe in “${name}” cannot be read.`);
  }
}

/**
 * @param {File} file
 * @param {Page["api"]} api
 */
async function restored(file, api) {
  fits(file, LARGEST_FILM, "opened");
  const found = await api.restore(file).catch((error) => {
    throw error.code === "invalid" ? new Error(`“${file.name}”: ${inFull(error)}`) : error;
  });
  return found.kind === "edit" ? { ...found, edit: parseEdit(found.edit) } : found;
}

/**
 * @param {File} file
 * @param {number} largest
 * @param {string} what
 */
function fits({ name, size }, largest, what) {
  if (size > largest) throw new Error(`“${name}” is too large to be ${what}. The limit is ${largest >> 20} MiB.`);
}

/** @param {Uint8Array} bytes */
function isPng(bytes) {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/**
 * The text stored under our keyword, or null. Reads chunk by chunk and never past the end.
 * @param {Uint8Array} bytes
 */
function storedText(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin = new TextDecoder("latin1");
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = latin.decode(bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, Math.min(at + 8 + length, bytes.length));
    const zero = data.indexOf(0);
    if (type === "tEXt" && zero > 0 && latin.decode(data.subarray(0, zero)) === KEYWORD) {
      return latin.decode(data.subarray(zero + 1));
    }
    at += length + 12;
  }
  return null;
}
