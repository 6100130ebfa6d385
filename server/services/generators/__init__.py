"""Generators: downloaded, imported, trained, and inverted."""
