"""One module per checkpoint layout: from its tensor names and scales to those of this package's networks."""
