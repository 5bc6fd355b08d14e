"""The issue tracker Roundup as a ticket system."""
