"""Tickets of customers: who they are in a ticket system, and what the inbox shows of them."""
