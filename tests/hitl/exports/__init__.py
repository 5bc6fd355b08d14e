"""Tests of exported lists."""
