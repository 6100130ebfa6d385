"""Films: from a timeline to edits, from edits to images, from images to a file that carries its recipe."""
