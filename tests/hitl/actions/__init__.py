"""Tests of what can be requested."""
