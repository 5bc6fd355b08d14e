"""Tests of the built-in model and the sentences it reads."""
