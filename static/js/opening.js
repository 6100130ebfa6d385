/** Files people bring: a direction to install, or a picture of ours that carries its own recipe. */

import { parseEdit } from "./reading.js";
import { isPng, storedText } from "./png.js";

const LARGEST_JUDGE = 128 * 2 ** 20;
const PICKLED = [".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".pt2", ".joblib"];
const LARGEST_DIRECTION = 16 * 2 ** 20;

/**
 * What a dropped file is: {kind: "edit", edit}, {kind: "judge"} or {kind: "direction"}. Throws an Error with a sentence otherwise.
 * @param {File} file
 */
export async function recognise(file) {
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  if (isPng(head)) return { kind: "edit", edit: await recipeOf(file) };
  const ending = file.name.toLowerCase().match(/\.[a-z0-9]+$/)?.[0] ?? "";
  if (ending === ".onnx" || ending === ".csv") {
    if (file.size > LARGEST_JUDGE) {
      throw new Error(`“${file.name}” is too large to be a judge: they are under ${LARGEST_JUDGE >> 20} MiB.`);
    }
    return { kind: "judge" };
  }
  if (PICKLED.includes(ending)) {
    throw new Error(
      `“${file.name}” may hold a program, so it is not opened. Export the model with torch.onnx.export and drop the .onnx file.`,
    );
  }
  if (ending !== ".safetensors") {
    throw new Error(
      `“${file.name}” is not something to open here. Drop a slider (.safetensors), a judge (.onnx), a table of ratings (.csv) or a PNG saved from this page.`,
    );
  }
  if (file.size > LARGEST_DIRECTION) {
    throw new Error(`“${file.name}” is too large to be a slider: they are under ${LARGEST_DIRECTION >> 20} MiB.`);
  }
  return { kind: "direction" };
}

async function recipeOf(file) {
  const text = storedText(new Uint8Array(await file.arrayBuffer()));
  if (text === null) {
    throw new Error(`“${file.name}” carries no recipe. Only PNGs downloaded from Latentwalk can be opened again.`);
  }
  try {
    return parseEdit(JSON.parse(text));
  } catch {
    throw new Error(`The recipe inside “${file.name}” cannot be read.`);
  }
}
