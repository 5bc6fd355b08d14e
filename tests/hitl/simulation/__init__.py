"""Tests of changed rules on past requests."""
