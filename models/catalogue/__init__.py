"""Where generators come from: pinned in wheels, kept in folders, or offered by plugins; and how they are fetched."""
