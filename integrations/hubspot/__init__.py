"""HubSpot's tickets as a ticket system, and its contacts as a CRM."""
