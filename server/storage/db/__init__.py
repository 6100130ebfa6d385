"""The database: its connection, schema and migrations, and one module per table that the server reads and writes."""
