"""The model card of a trained generator in Markdown: what it is, how it was trained, and every figure taken of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from latentwalk.training.recipe import Recipe
from models.specs import GeneratorSpec

View = Mapping[str, Any]


def model_card(spec: GeneratorSpec, recipe: Recipe, seen: int, report: View, encoder: View | None, mirror: View) -> str:
    """The card's text; `report` is that of `training.evaluation.report` with its curve, `mirror` may be empty."""
    sections = [
        f"# {spec.title}",
        f"{spec.card.summary}\n\n![Samples, a row for each class](sheet.png)",
        _about(spec, recipe, seen),
        "## Figures\n\n" + _figures(report, encoder),
        "## Class by class\n\n" + _classes(report),
        "## Over training\n\n" + _curve(report["curve"]),
    ]
    if mirror:
        sections.append("## How far it follows, beside how far its pictures varied\n\n" + _mirror(mirror))
    if "sheet" in report["copying"]:
        text = f"Samples, and the training picture nearest to each in the features of {report['net']['name']}."
        picture = f"![Samples and their neighbours]({report['copying']['sheet']})"
        sections.append(f"## Nearest neighbours\n\n{text}\n\n{picture}")
    return "\n\n".join(sections) + "\n"


def _about(spec: GeneratorSpec, recipe: Recipe, seen: int) -> str:
    stages = ", ".join(f"{stage.pictures:,} pictures at {stage.side} px" for stage in recipe.stages)
    rows = {
        "Kind": f"{spec.family}, {spec.resolution} px, z {recipe.z}, w {recipe.w}, widths {list(recipe.widths)}",
        "Fingerprint": f"`{spec.fingerprint}`",
        "Trained on": f"{seen:,} pictures: {stages}",
        "Loss": f"non-saturating, R1 of γ {_gammas(recipe)} every {recipe.lazy} steps, Adam at {recipe.rate:g}",
        "Kept": f"an exponential average over {recipe.memory:,} pictures, float16",
        "Licence": spec.card.licence,
        "Data": f"{spec.card.data} {spec.card.data_licence}",
        "Shows badly": spec.card.shows_badly,
    }
    if recipe.start:
        first = f"; the new critic looked at the first {recipe.alone:,} alone" if recipe.alone else ""
        rows["Begun with"] = (
            f"the generator `{PurePath(recipe.start).name}`, widened without changing its pictures{first}"
        )
    return _table(("", ""), list(rows.items()))


def _gammas(recipe: Recipe) -> str:
    found = [recipe.gamma if stage.gamma is None else stage.gamma for stage in recipe.stages]
    return ", then ".join(f"{gamma:g}" for gamma in dict.fromkeys(found))


def _figures(report: View, encoder: View | None) -> str:
    net, near = report["net"], report["distances"]
    made, real = near["generated"], near["real"]
    score, copies = report["score"], report["copying"]
    real_score, floor = _share(score["real"]), _share(score["floor"])
    nearer = "share nearer to a training picture than 99 % of held-out ones are"
    rows = [
        ("KID", f"{made['kid']:.4f}", f"{real['kid']:.4f} for real pictures against held-out ones"),
        (near["name"], f"{made['fd']:.2f}", f"{real['fd']:.2f} likewise"),
        (
            "class of samples recognised",
            _share(report["recognition"]),
            f"real: {_share(net['held_out'])}",
        ),
        (
            "class accuracy score",
            _share(score["generated"]),
            f"real {real_score}, floor {floor}",
        ),
        ("skill, (score − floor) / (real − floor)", _number(score["skill"]), _interval(score["interval"])),
        (
            "copies in features",
            _share(copies["features"]),
            nearer,
        ),
        ("copies in pixels", _share(copies["pixels"]), "likewise"),
    ]
    if encoder is not None:
        rows.append(("left over by the encoder, latents", _number(encoder["latents"]), "1 is no better than the mean"))
        rows.append(("left over by the encoder, pictures", _number(encoder["pictures"]), "likewise"))
    text = (
        f"Features are those of {net['name']}, a classifier of ours: no figure compares with an FID printed elsewhere."
    )
    return text + "\n\n" + _table(("what", "figure", "beside"), rows)


def _classes(report: View) -> str:
    recognised = report["recognition"]["classes"]
    rows = [
        (one["class"], _share(recognised[one["class"]]), _share(one["generated"]), _share(one["real"]))
        for one in report["score"]["classes"]
    ]
    return _table(("class", "recognised", "taught by samples", "taught by real pictures"), rows)


def _curve(points: Sequence[View]) -> str:
    rows = [(f"{one['seen']:,}", f"{one['side']} px", f"{one['kid']:.4f}", f"{one['fd']:.2f}") for one in points]
    return _table(("pictures seen", "side", "KID", "Fréchet distance"), rows)


def _mirror(mirror: View) -> str:
    parts = []
    for name, seen in mirror.items():
        told = "" if seen["r"] is None else f" r = {seen['r']:.2f} over {seen['n']} classes, p = {seen['p']:.4f}."
        rows = [(title, f"{designed:.2f}", f"{reached:.2f}") for title, (designed, reached) in seen["classes"].items()]
        head = f"**{name}**, in {seen['unit']}, walks in z that ask for {seen['asked']:g}.{told}"
        parts.append(head + "\n\n" + _table(("class", "pictures varied by", "reached"), rows))
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _share(view: View) -> str:
    if view["share"] is None:
        return "–"
    return f"{view['share']:.1%} ({view['low']:.1%} to {view['high']:.1%})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
