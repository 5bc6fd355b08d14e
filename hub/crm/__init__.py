"""Contacts that are sent to a CRM: who may be, what leaves, and that it arrives once."""
