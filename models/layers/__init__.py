"""Layers and caches that several networks share."""
