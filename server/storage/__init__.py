"""What persists: the database, content-addressed files, films, audio, regressors, and whole workspaces as archives."""
