"""The description of an imported generator, made from its passport in the terms of every other generator's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from models.catalogue.hashing import fingerprint
from models.importing.passport import Passport
from models.specs import Card, GeneratorSpec, title_from_name

UNKNOWN = "Not known."
TITLES = {
    "stylegan2": "StyleGAN2",
    "stylegan3": "StyleGAN3",
    "biggan": "BigGAN-deep",
    "dcgan": "DCGAN",
    "onnx": "ONNX graph",
}


def spec_from_passport(
    name: str, passport: Passport, state: Mapping[str, Tensor], year: int, title: str = "", classes: Sequence[str] = ()
) -> GeneratorSpec:
    """The description under which a generator is kept. `classes` name its classes; they are numbered otherwise.

    What the file does not say of its data, licence and weaknesses is given as not known.
    """
    sizes = passport.sizes
    names = tuple(classes) if len(classes) == sizes.classes else tuple(f"class {n}" for n in range(sizes.classes))
    spaces = {"z": (sizes.z,), **({"w": (sizes.w,)} if sizes.w else {})}
    return GeneratorSpec(
        name=name,
        title=title or title_from_name(name),
        family=passport.family,
        resolution=sizes.height,
        channels=sizes.channels,
        spaces=spaces,
        layers=sizes.layers,
        classes=names,
        default_classes={names[0]: 1.0} if names else {},
        fingerprint=fingerprint(state),
        exact=("shift_x", "shift_y", "rotate") if passport.family == "stylegan3" else (),
        card=Card(
            summary=f"{TITLES.get(passport.family, passport.family)} of {sizes.width} x {sizes.height} px, imported "
            f"from {passport.format}.",
            source=f"A file of {passport.bytes:,} bytes, sha256 {passport.sha256}.",
            licence=passport.licence or UNKNOWN,
            data=UNKNOWN,
            data_licence=UNKNOWN,
            shows_badly=UNKNOWN,
            year=year,
        ),
    )
