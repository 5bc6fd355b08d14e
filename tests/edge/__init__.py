"""Servers and stand-ins at the network's edge, and the browser."""
