"""Emails of strangers, read within bounds."""
