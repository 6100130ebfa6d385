"""Authentication and limits: tokens, session cookies, roles, and how much one person may use."""
