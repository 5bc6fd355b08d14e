"""Tests of what models do not see of a person."""
