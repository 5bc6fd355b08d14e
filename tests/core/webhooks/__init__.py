"""Webhooks to systems of customers."""
