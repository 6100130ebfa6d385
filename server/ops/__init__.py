"""Operating a server: health checks and repair, metrics, the audit log and its life cycle."""
