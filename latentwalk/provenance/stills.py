"""One picture as a file that says what it is: its recipe and XMP in it, then signed, then in the ledger."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from latentwalk.edit import Edit, canonical
from latentwalk.films.layout import marked
from latentwalk.provenance.ledger import Entry
from latentwalk.provenance.signing import Press, sliders_of
from latentwalk.provenance.xmp import packet
from latentwalk.rendering.image_codec import MEDIA_TYPES, Format, Pixels, encode, picture
from server.engine.generator_cache import Ready
from server.jobs.job import now


def still(
    edit: Edit,
    pixels: Pixels,
    ready: Ready,
    press: Press,
    *,
    format: Format = "png",
    title: str = "",
    size: int | None = None,
    mark: bool = False,
) -> bytes:
    """The file of the picture drawn of an edit, its longer side at most `size`; with a visible mark if asked."""
    shown = picture(pixels, size)
    shown = marked(shown) if mark else shown
    recipe = canonical(edit)
    claim = press.claim("edit", recipe, ready.spec, ready.directions(), sliders_of(edit))
    with tempfile.TemporaryDirectory(prefix="latentwalk-") as folder:
        path = Path(folder) / f"picture.{format}"
        path.write_bytes(encode(shown, format, edit=recipe, xmp=packet("edit", recipe)))
        press.embed(path, MEDIA_TYPES[format], claim)
        data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    press.note(Entry(now(), sha256, len(data), format, title or ready.spec.title, "edit", recipe), [shown])
    return data
