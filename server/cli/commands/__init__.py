"""Verbs of the `latentwalk` command that are a subject of their own, one module each."""
