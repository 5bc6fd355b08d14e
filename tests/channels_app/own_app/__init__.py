"""Tests of a company's own app."""
