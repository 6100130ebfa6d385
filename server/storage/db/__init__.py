"""What is remembered: a database of jobs, shelves and shared states, and files named by what they hold."""
