"""Tests of what every channel shares."""
