/** <model-card>: what is known about a generator: its source, licence, training data and weaknesses. */

import { definitions, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

export class ModelCard extends Component {
  /** @param {ImageGenerator} generator */
  set generator({ title, card, fingerprint, resolution, family, precision, download }) {
    const rows = [
      ["Known weaknesses", String(card.shows_badly ?? "")],
      ["Source", address(card.source)],
      ["Licence", String(card.licence ?? "")],
      ["Trained on", String(card.data ?? "")],
      ["Data licence", String(card.data_licence ?? "")],
      ["Architecture", [family?.toUpperCase(), `${resolution} px`, precision, card.year].filter(Boolean).join(" · ")],
      ["Package", download?.requirement],
      ["Fingerprint", h("code", { title: fingerprint }, fingerprint.replace("sha256:", "").slice(0, 16))],
    ];
    this.replaceChildren(
      h("p", { className: "summary" }, String(card.summary ?? "")),
      h("details", {}, h("summary", {}, `About ${title}`), definitions(rows)),
    );
  }
}

// Only addresses that are plainly web addresses become links.
/** @param {any} text */
function address(text) {
  if (!/^https:\/\/\S+$/.test(text ?? "")) return text;
  return h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text.replace("https://", ""));
}

customElements.define("model-card", ModelCard);
