"""Tests of cases and their checks."""
