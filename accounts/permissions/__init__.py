"""Roles, object permissions and operators."""
