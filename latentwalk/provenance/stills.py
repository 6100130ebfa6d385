"""One picture as a file that says what it is: its recipe and XMP in it, then signed, then in the ledger."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from latentwalk.edit import Edit, canonical
from latentwalk.films.layout import add_mark
from latentwalk.provenance.ledger import LedgerEntry
from latentwalk.provenance.signing import FileSigner, sliders_of
from latentwalk.provenance.xmp import packet
from latentwalk.rendering.image_codec import MEDIA_TYPES, Format, Pixels, encode, to_image
from latentwalk.rendering.loaded_generator import LoadedGenerator
from server.jobs.job import now


def still_file(
    edit: Edit,
    pixels: Pixels,
    ready: LoadedGenerator,
    press: FileSigner,
    *,
    format: Format = "png",
    title: str = "",
    size: int | None = None,
    mark: bool = False,
) -> bytes:
    """The file of the picture drawn of an edit, its longer side at most `size`; with a visible mark if asked."""
    shown = to_image(pixels, size)
    shown = add_mark(shown) if mark else shown
    recipe = canonical(edit)
    claim = press.claim("edit", recipe, ready.spec, ready.directions(), sliders_of(edit))
    with tempfile.TemporaryDirectory(prefix="latentwalk-") as folder:
        path = Path(folder) / f"picture.{format}"
        path.write_bytes(encode(shown, format, edit=recipe, xmp=packet("edit", recipe)))
        press.embed(path, MEDIA_TYPES[format], claim)
        data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    press.note(LedgerEntry(now(), sha256, len(data), format, title or ready.spec.title, "edit", recipe), [shown])
    return data
