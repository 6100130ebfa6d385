"""Finds, loads, saves and downloads generators: pinned in wheels, saved in folders, or offered by plugins."""
