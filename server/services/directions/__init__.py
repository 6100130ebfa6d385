"""Directions: learned, discovered, imported and measured."""
