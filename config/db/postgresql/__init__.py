"""PostgreSQL with the tenant sent along with every statement."""
