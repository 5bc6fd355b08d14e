"""Sandbox Salesforce: a stand-in for contacts, tasks and queries of Salesforce's REST API."""
