"""Tests of teams and of the wall between them."""
