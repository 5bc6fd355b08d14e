"""Tests of triage rules."""
