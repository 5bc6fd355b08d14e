"""Endpoints of what colleagues answer with."""
