"""One module per file format: from a file's bytes to the values in it."""
