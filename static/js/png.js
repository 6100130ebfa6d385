/** What a PNG of ours carries: the edit it was made from, in a text chunk named "latentwalk". */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const KEYWORD = "latentwalk";

/** Whether these bytes begin like a PNG. */
export function isPng(bytes) {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/** The text stored under our keyword, or null. Reads chunk by chunk and never past the end. */
export function storedText(bytes) {
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
