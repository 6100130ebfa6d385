"""Fitting a walk to a transform: the loop, its optimiser, its validation and its resume state."""
