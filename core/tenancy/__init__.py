"""Tenants: the current scope, tenant-owned models and row-level security."""
