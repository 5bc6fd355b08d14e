"""Answers of customers to surveys, on the page that a message links to."""
