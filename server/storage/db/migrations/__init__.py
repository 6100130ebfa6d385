"""The schema's history as Alembic revisions: `upgrade` applies those that a database lacks."""
