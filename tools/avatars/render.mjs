// Renders avatars of twelve styles as premultiplied RGBA foregrounds, with one .npy file per style and part, and a JSON
// file that names author and licence. Usage: node render.mjs OUT [--count 4000] [--side 96] [--styles a,b,...]

import { createHash } from "node:crypto";
import { mkdirSync, openSync, writeSync, closeSync, writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createAvatar } from "@dicebear/core";
import * as collection from "@dicebear/collection";
import { Resvg } from "@resvg/resvg-js";

const STYLES = [
  "adventurer", "avataaars", "bigEars", "bigSmile", "bottts", "dylan",
  "funEmoji", "lorelei", "micah", "personas", "thumbs", "toonHead",
];
// Fun Emoji has no head, only features: a disc in its own palette is the head that the other styles have.
const OPTIONS = { funEmoji: { radius: 50 } };
const TRANSPARENT = { backgroundColor: ["transparent"] };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "4000" }, // drawings per style, if it has that many; one in ten is held out
    side: { type: "string", default: "96" },
    styles: { type: "string", default: STYLES.join(",") },
  },
});
if (positionals.length !== 1) {
  console.error("No output folder was given. Usage: node render.mjs OUT");
  process.exit(2);
}
const [out] = positionals;
const side = Number(values.side);
mkdirSync(out, { recursive: true });

/** One avatar as `side` x `side` premultiplied RGBA bytes. */
function draw(style, seed) {
  const svg = createAvatar(collection[style], { seed, ...(OPTIONS[style] ?? TRANSPARENT) }).toString();
  const picture = new Resvg(svg, { fitTo: { mode: "width", value: side }, font: { loadSystemFonts: false } }).render();
  return picture.pixels;
}

/** numpy's format 1.0 header of a uint8 array; padded so that the data starts at a multiple of 64. */
function header(shape) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(padded, "latin1")]);
}

/** Distinct drawings only: equal ones from different seeds could be in both the training and the held-out set. */
function* distinct(style, wanted) {
  const seen = new Set();
  for (let tried = 0; seen.size < wanted && tried < 4 * wanted; tried++) {
    const pixels = draw(style, `${style}-${tried}`);
    const digest = createHash("sha256").update(pixels).digest("base64");
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield pixels;
  }
}

function store(path, drawings) {
  const file = openSync(`${path}.part`, "w");
  writeSync(file, header([drawings.length, side, side, 4]));
  for (const pixels of drawings) writeSync(file, pixels);
  closeSync(file);
  renameSync(`${path}.part`, path);
}

for (const style of values.styles.split(",")) {
  const drawings = [...distinct(style, Number(values.count))];
  const parts = { train: drawings.filter((_, k) => k % 10 !== 9), "held-out": drawings.filter((_, k) => k % 10 === 9) };
  for (const [part, pixels] of Object.entries(parts)) store(join(out, `${style}-${part}.npy`), pixels);
  const { title, creator, source, homepage, license } = collection[style].meta;
  const counts = { train: parts.train.length, held_out: parts["held-out"].length };
  const card = { style, title, creator, source, homepage, licence: license.name, licence_url: license.url, side, ...counts };
  writeFileSync(join(out, `${style}.json`), JSON.stringify(card, null, 2) + "\n");
  console.log(`${style}: ${counts.train} for training, ${counts.held_out} held out`);
}
