"""Sandbox back office: a stand-in for a company's transactions, after docs/reference/back-office.openapi.yaml."""
