"""Tests of the emergency stop."""
