"""Measuring what a direction achieves: calibration, report cards and baselines."""
