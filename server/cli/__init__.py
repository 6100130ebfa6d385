"""The `latentwalk` command."""
