"""Directions learned from scores: any function from an image to a number can be learned, calibrated and measured."""
