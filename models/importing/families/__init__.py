"""One module per checkpoint layout: from its tensor names to ours."""
