"""Base classes and building blocks of console pages."""
