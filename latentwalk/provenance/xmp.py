"""XMP: the packet in every exported file that says that a model made it, and by which recipe."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
NAMESPACE = "urn:latentwalk:xmp:1:"
UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of XMP in MP4 (ISO 16684-1; Adobe XMP part 3)
LARGEST = 2**20
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
KINDS = ("walk", "edit")


def packet(kind: str, recipe: str) -> bytes:
    """The XMP packet, UTF-8, for a recipe: the canonical JSON of a "walk" or of one "edit"."""
    assert kind in KINDS
    fields = f"""   <Iptc4xmpExt:DigitalSourceType>{TRAINED}</Iptc4xmpExt:DigitalSourceType>
   <xmp:CreatorTool>Latentwalk</xmp:CreatorTool>
   <latentwalk:kind>{kind}</latentwalk:kind>
   <latentwalk:recipe>{escape(recipe)}</latentwalk:recipe>"""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:latentwalk="{NAMESPACE}">
{fields}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


def recipe_in(data: bytes) -> tuple[str, Any] | None:
    """The kind and decoded recipe in a packet; None where it holds none or is malformed.

    Packets are untrusted: one that declares entities, which can expand without bound, is not parsed.
    """
    if len(data) > LARGEST or b"<!" in data or b"\0" in data:
        return None
    try:
        tree = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    kind, recipe = (tree.findtext(f".//{{{NAMESPACE}}}{name}") for name in ("kind", "recipe"))
    if kind not in KINDS or not recipe:
        return None
    try:
        return kind, json.loads(recipe)
    except (ValueError, RecursionError):
        return None
