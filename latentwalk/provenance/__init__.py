"""Provenance: what leaves here says that a machine made it, is signed, and is known again."""
