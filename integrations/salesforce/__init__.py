"""Salesforce's contacts as a CRM."""
