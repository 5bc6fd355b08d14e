"""Tests of notes and team chat."""
