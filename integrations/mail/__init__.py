"""Mail out: one port, several providers, and one row that says what became of each mail."""
