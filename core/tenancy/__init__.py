"""Tenants: the scope of the current code, tenant-owned models and the database walls."""
