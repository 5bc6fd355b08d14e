"""Encryption, and what approvers are shown of a text."""
