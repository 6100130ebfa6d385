/** The colour theme: light, dark or that of the system, stored for the next visit. */

const ORDER = ["auto", "light", "dark"];
const KEY = "latentwalk.theme";

export function theme() {
  const kept = localStorage.getItem(KEY) ?? "";
  return ORDER.includes(kept) ? kept : "auto";
}

/** @param {string} name */
export function useTheme(name) {
  document.documentElement.dataset.theme = name;
  if (name === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, name);
}

/**
 * The next theme in the toggle's order.
 * @param {string} name
 */
export function themeAfter(name) {
  return ORDER[(ORDER.indexOf(name) + 1) % ORDER.length] ?? "auto";
}
