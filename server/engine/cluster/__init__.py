"""Rendering and learning on several machines: the workers, the pool that calls them, and Ray, which runs them."""
