"""Outgoing mail: one port, several providers, one row per mail with its delivery status."""
