"""Tests of what colleagues answer with."""
