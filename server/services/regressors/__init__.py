"""Regressors: added from a file, fitted to ratings, and asked for a score."""
