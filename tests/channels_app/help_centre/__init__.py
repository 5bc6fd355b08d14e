"""Tests of help centres."""
