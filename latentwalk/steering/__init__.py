"""Learning, calibrating and measuring directions: numbers only, no web, no files."""
