"""Tests of an organisation's own roles."""
