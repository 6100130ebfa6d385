"""Benchmarks: single pictures, films, and many simulated users."""
