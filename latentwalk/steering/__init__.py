"""Learning, calibrating and measuring directions: numerical work only, without web or files."""
