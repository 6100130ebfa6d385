/** Lists of directions: names that tell them apart, and the one that is active first. */

/**
 * Sliders of the same name, such as a zoom learned twice, get their id after it.
 * @param {Direction[]} directions
 */
export function distinct(directions) {
  /** @param {string} name */
  const count = (name) => directions.filter((one) => one.name === name).length;
  return directions.map((one) => (count(one.name) > 1 ? { ...one, name: `${one.name} (${one.id})` } : one));
}

/**
 * The id of a slider that works well, so that the filmstrip shows an effect.
 * @param {Direction[]} directions
 */
export function favourite(directions) {
  const best = directions.find(({ verdict }) => verdict === "strong") ?? directions[0];
  return best?.id ?? null;
}
