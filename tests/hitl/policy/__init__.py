"""Tests of the rules: who must approve what, within which limits."""
