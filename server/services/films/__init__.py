"""Films: recipes, previews of a walk, and the finished file."""
