"""The model card of a trained generator in Markdown: what it is, how it was trained, and its evaluation figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from latentwalk.training.encoder_training import ReconstructionFigures
from latentwalk.training.recipe import Recipe
from models.specs import GeneratorSpec

Figures = Mapping[str, Any]


def model_card(
    spec: GeneratorSpec, recipe: Recipe, images: int, report: Figures, encoder: ReconstructionFigures | None,
    coverage: Figures,
) -> str:  # fmt: skip
    """The text of the card.

    `images` is the number of training images. `report` is the JSON of `evaluation.report` with its curve, `coverage`
    that of `steering.data_coverage`, which may be empty.
    """
    sections = [
        f"# {spec.title}",
        f"{spec.card.summary}\n\n![Samples, a row for each class](sheet.png)",
        _about(spec, recipe, images),
        "## Figures\n\n" + _figures(report, encoder),
        "## Class by class\n\n" + _classes(report),
        "## Over training\n\n" + _curve(report["curve"]),
    ]
    if coverage:
        sections.append("## Steerability and data variability\n\n" + _coverage(coverage))
    if "sheet" in report["copying"]:
        text = f"Samples, and the training picture nearest to each in the features of {report['net']['name']}."
        image = f"![Samples and their neighbours]({report['copying']['sheet']})"
        sections.append(f"## Nearest neighbours\n\n{text}\n\n{image}")
    return "\n\n".join(sections) + "\n"


def _about(spec: GeneratorSpec, recipe: Recipe, images: int) -> str:
    stages = ", ".join(f"{stage.pictures:,} pictures at {stage.side} px" for stage in recipe.stages)
    rows = {
        "Kind": f"{spec.family}, {spec.resolution} px, z {recipe.z}, w {recipe.w}, widths {list(recipe.widths)}",
        "Fingerprint": f"`{spec.fingerprint}`",
        "Trained on": f"{images:,} pictures: {stages}",
        "Loss": f"non-saturating, R1 with γ {_gammas(recipe)} every {recipe.lazy} steps, Adam at {recipe.rate:g}",
        "Weights": f"an exponential average with a half-life of {recipe.memory:,} pictures, float16",
        "Licence": spec.card.licence,
        "Data": f"{spec.card.data} {spec.card.data_licence}",
        "Limits": spec.card.shows_badly,
    }
    if recipe.start:
        alone = f"; only the discriminator was trained for the first {recipe.alone:,} pictures" if recipe.alone else ""
        start = PurePath(recipe.start).name
        rows["Started from"] = f"the generator `{start}`, widened without changing its pictures{alone}"
    return _table(("", ""), list(rows.items()))


def _gammas(recipe: Recipe) -> str:
    gammas = [recipe.gamma if stage.gamma is None else stage.gamma for stage in recipe.stages]
    return ", then ".join(f"{gamma:g}" for gamma in dict.fromkeys(gammas))


def _figures(report: Figures, encoder: ReconstructionFigures | None) -> str:
    net, distances = report["net"], report["distances"]
    generated, real = distances["generated"], distances["real"]
    score, copies = report["score"], report["copying"]
    real_score, floor = _share(score["real"]), _share(score["floor"])
    copy_note = "share closer to a training picture than 99 % of held-out pictures are"
    rows = [
        ("KID", f"{generated['kid']:.4f}", f"{real['kid']:.4f} for real pictures against held-out ones"),
        (distances["name"], f"{generated['fd']:.2f}", f"{real['fd']:.2f} likewise"),
        ("class of samples recognised", _share(report["recognition"]), f"real: {_share(net['held_out'])}"),
        ("class accuracy score", _share(score["generated"]), f"real {real_score}, floor {floor}"),
        ("skill, (score − floor) / (real − floor)", _number(score["skill"]), _interval(score["interval"])),
        ("copies in features", _share(copies["features"]), copy_note),
        ("copies in pixels", _share(copies["pixels"]), "likewise"),
    ]
    if encoder is not None:
        rows.append(
            ("encoder's unexplained variance, latents", _number(encoder.latents), "1 is no better than the mean")
        )
        rows.append(("encoder's unexplained variance, pictures", _number(encoder.pictures), "likewise"))
    text = (
        f"Features are those of {net['name']}, a classifier trained for this report: no figure is comparable with a "
        "published FID."
    )
    return text + "\n\n" + _table(("measure", "figure", "for comparison"), rows)


def _classes(report: Figures) -> str:
    recognised = report["recognition"]["classes"]
    rows = [
        (one["class"], _share(recognised[one["class"]]), _share(one["generated"]), _share(one["real"]))
        for one in report["score"]["classes"]
    ]
    return _table(("class", "recognised", "accuracy, trained on samples", "accuracy, trained on real pictures"), rows)


def _curve(points: Sequence[Figures]) -> str:
    rows = [(f"{one['seen']:,}", f"{one['side']} px", f"{one['kid']:.4f}", f"{one['fd']:.2f}") for one in points]
    return _table(("training pictures", "side", "KID", "Fréchet distance"), rows)


def _coverage(coverage: Figures) -> str:
    parts = []
    for name, figures in coverage.items():
        correlation = ""
        if figures["r"] is not None:
            correlation = f" r = {figures['r']:.2f} over {figures['n']} classes, p = {figures['p']:.4f}."
        rows = [
            (title, f"{variability:.2f}", f"{reached:.2f}")
            for title, (variability, reached) in figures["classes"].items()
        ]
        head = (
            f"**{name}**, in {figures['unit']}, walks in z fitted to amounts up to {figures['asked']:g}.{correlation}"
        )
        parts.append(head + "\n\n" + _table(("class", "data variability", "reached"), rows))
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _share(figures: Figures) -> str:
    if figures["share"] is None:
        return "–"
    return f"{figures['share']:.1%} ({figures['low']:.1%} to {figures['high']:.1%})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
