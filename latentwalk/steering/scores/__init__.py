"""Sliders from scores: any function of a picture that gives a number, learned, calibrated and measured."""
