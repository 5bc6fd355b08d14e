"""Endpoints of channel accounts and their templates."""
