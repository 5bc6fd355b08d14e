"""Tests of the rules by which texts are cut and compared."""
