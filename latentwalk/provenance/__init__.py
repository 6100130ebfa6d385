"""Provenance: exported files say that a model made them, are signed, and are recognised again."""
