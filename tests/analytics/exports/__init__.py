"""Exports of lists and figures."""
