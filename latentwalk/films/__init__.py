"""Films: from a timeline to edits, from edits to pictures, from pictures to files that say what they are."""
