/** The sign-in page: forwards people who are signed in already, and keeps the picture that a link names. */

import { theme, useTheme } from "./theme.js";

const form = document.querySelector("form");
const here = `${new URL(".", location.href).pathname}${location.hash}`;
const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));

useTheme(theme());
if (!form) location.replace(here);
else {
  form.action = `sign-in${location.hash}`; // a redirect keeps the fragment
  // A link elsewhere is opened without our strict cookie, which our own request brings along.
  if (navigation?.type !== "reload" && (await fetch("api/me")).ok) {
    if (location.pathname.endsWith("/") && !location.search) location.reload();
    else location.replace(here);
  }
}
