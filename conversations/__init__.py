"""Contacts, conversations, messages and their delivery."""
