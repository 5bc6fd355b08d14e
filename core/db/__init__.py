"""The database backend, its roles and its locks."""
