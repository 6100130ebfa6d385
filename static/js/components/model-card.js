/** <model-card>: where a generator comes from, what it may be used for, and what it shows badly. */

import { h } from "../dom.js";

export class ModelCard extends HTMLElement {
  set generator({ title, card, fingerprint, resolution, family, precision, download }) {
    const rows = [];
    const add = (term, content) => content && rows.push(h("dt", {}, term), h("dd", {}, content));
    add("Shows badly", card.shows_badly);
    add("Source", address(card.source));
    add("Licence", card.licence);
    add("Trained on", card.data);
    add("Data licence", card.data_licence);
    add("Kind", [family?.toUpperCase(), `${resolution} px`, precision, card.year].filter(Boolean).join(" · "));
    add("Package", download?.requirement);
    add("Fingerprint", h("code", { title: fingerprint }, fingerprint.replace("sha256:", "").slice(0, 16)));
    this.replaceChildren(
      h("p", { className: "summary" }, card.summary),
      h("details", {}, h("summary", {}, `About ${title}`), h("dl", {}, ...rows)),
    );
  }
}

// Only addresses that are plainly web addresses become links.
function address(text) {
  if (!/^https:\/\/\S+$/.test(text ?? "")) return text;
  return h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text.replace("https://", ""));
}

customElements.define("model-card", ModelCard);
