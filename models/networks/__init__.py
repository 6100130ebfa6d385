"""The networks themselves in plain torch, written from their papers. Attribute names are keys of stored weights."""
