"""Requests of people about their data: recorded, due in a month, worked on and answered."""
