"""Inviting people to a tenant and joining it."""
