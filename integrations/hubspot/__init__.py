"""HubSpot's tickets as a ticket system."""
