"""Walker's use of PostgreSQL."""
