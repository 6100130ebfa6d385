"""Checkpoints of unknown origin: parsed without executing anything in them, described in a passport, and converted.

Imports point one way: `unpickle`, `file_formats` <- `formats` <- `families` <- `read_in_sandbox` <- `sandbox_task`. All
of these are pure (bytes in, values out), import neither torch nor pickle, and run in the sandbox; `open_checkpoint`
calls them.
"""
