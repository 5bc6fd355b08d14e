"""Tests of the way from a message to its answer."""
