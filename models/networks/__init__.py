"""The networks themselves in plain torch, written from their papers."""
