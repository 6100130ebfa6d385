/** The page that asks for a token: passes on by itself whoever is in already, and keeps the picture a link names. */

import { theme, useTheme } from "./theme.js";

const form = document.querySelector("form");
const here = `/${location.hash}`;
const [navigation] = performance.getEntriesByType("navigation");

useTheme(theme());
if (!form) location.replace(here);
else {
  form.action = `/sign-in${location.hash}`; // a redirect keeps the fragment
  // A link on another site is opened without our strict cookie, which our own request brings along.
  if (navigation?.type !== "reload") {
    const { ok } = await fetch("/api/me");
    if (ok) location.pathname + location.search === "/" ? location.reload() : location.replace(here);
  }
}
