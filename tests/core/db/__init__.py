"""The database: cursor, pools, the wall between tenants."""
