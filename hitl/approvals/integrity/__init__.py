"""Seals and MACs: detect rows that were written outside the application."""
