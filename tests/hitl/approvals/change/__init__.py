"""Tests of opening, editing, escalating and ending requests."""
