"""Mail out: the port, its adapters, and what becomes of a mail."""
