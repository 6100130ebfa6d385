"""The generator families: each adapts a network to the Generator protocol; registry.py builds them by name."""
