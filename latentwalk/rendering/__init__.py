"""From an edit to pixels and from pixels to image files."""
