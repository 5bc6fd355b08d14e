"""Make agents, try them, and check them with cases."""
