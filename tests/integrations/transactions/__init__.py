"""Transactions: the back office's adapter against its stand-in."""
