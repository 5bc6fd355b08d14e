"""Tests of the rules that find and mask personal data."""
