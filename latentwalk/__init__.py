"""Latentwalk as a library: edits, directions, steering, training and films, without a server."""
