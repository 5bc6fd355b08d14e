"""Tests of decisions on many requests at once."""
