"""Schema of integrations."""
