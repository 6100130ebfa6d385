"""Routes that answer with rendered pictures."""
