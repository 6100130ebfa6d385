"""Latents: how an edit is resolved to one, how one is stored as text, and how layers take theirs from several seeds."""
