"""Everything that is kept on disk or in the database."""
