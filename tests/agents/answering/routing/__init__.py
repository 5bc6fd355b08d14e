"""Tests of answer rules: who answers where."""
