"""One image as an exported file: recipe and XMP inside, signed, and noted in the ledger."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from latentwalk.edit import Edit, canonical
from latentwalk.films.layout import add_mark
from latentwalk.provenance.ledger import LedgerEntry, timestamp
from latentwalk.provenance.signing import FileSigner
from latentwalk.provenance.xmp import packet
from latentwalk.rendering.image_codec import MEDIA_TYPES, Format, Pixels, encode, to_image
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models import atomic_files


def still_file(
    edit: Edit,
    pixels: Pixels,
    generator: LoadedGenerator,
    signer: FileSigner,
    *,
    format: Format = "png",
    title: str = "",
    size: int | None = None,
    mark: bool = False,
) -> bytes:
    """The file of an edit's `pixels`, its longer side at most `size` px; `mark` prints "AI-generated" on the image."""
    image = to_image(pixels, size)
    image = add_mark(image) if mark else image
    recipe = canonical(edit)
    claim = signer.claim("edit", recipe, generator.spec, generator.directions(), edit.directions())
    with tempfile.TemporaryDirectory(prefix=atomic_files.SCRATCH) as folder:
        path = Path(folder) / f"picture.{format}"
        path.write_bytes(encode(image, format, edit=recipe, xmp=packet("edit", recipe)))
        signer.embed(path, MEDIA_TYPES[format], claim)
        data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    entry = LedgerEntry(timestamp(), sha256, len(data), format, title or generator.spec.title, "edit", recipe)
    signer.note(entry, [image])
    return data
