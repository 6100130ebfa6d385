/** <model-card>: what is known about a generator: its source, licence, training data and weaknesses. */

import { definitions, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

export class ModelCard extends Component {
  /** @param {Generator} generator */
  set generator({ title, card, fingerprint, resolution, family, precision, download }) {
    const rows = [
      ["Known weaknesses", card.shows_badly],
      ["Source", address(card.source)],
      ["Licence", card.licence],
      ["Trained on", card.data],
      ["Data licence", card.data_licence],
      ["Architecture", [family?.toUpperCase(), `${resolution} px`, precision, card.year].filter(Boolean).join(" · ")],
      ["Package", download?.requirement],
      ["Fingerprint", h("code", { title: fingerprint }, fingerprint.replace("sha256:", "").slice(0, 16))],
    ];
    this.replaceChildren(
      h("p", { className: "summary" }, card.summary),
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
