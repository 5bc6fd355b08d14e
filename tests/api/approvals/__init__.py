"""Requests and rules over the API."""
