"""Tests of merged contacts."""
