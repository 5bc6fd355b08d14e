"""Changing conversations: receive, reply, deliver, take over, give back, assign, hand off, close."""
