"""Tickets: the port of ticket systems, and what can be read and requested there."""
