"""Access tokens: the keys that sign them, and who a token stands for."""
