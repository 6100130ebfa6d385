/** Names for what is brought in: letters, digits and underscores, and not yet taken. */

/** A free name from a file's; `usual` where nothing is left of it. */
export function freeName(file, taken, usual) {
  const plain = file
    .replace(/\.[^.]*$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "");
  const base = (plain || usual).slice(0, 36);
  let [name, number] = [base, 2];
  while (taken.has(name)) name = `${base}_${number++}`;
  return name;
}
