"""Transactions of customers: the port of back offices, and what can be read, prepared and booked there."""
