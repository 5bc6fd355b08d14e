"""Sandbox HubSpot: a stand-in for the tickets, notes and contacts of HubSpot's CRM API."""
