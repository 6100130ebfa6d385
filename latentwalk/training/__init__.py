"""Making a generator from pictures: data, recipe, losses and the loop that survives being stopped."""
