"""Tests of contacts and their audiences."""
