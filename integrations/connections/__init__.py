"""Connections with outside systems: accounts, their credentials and tokens, and consent at the vendor."""
