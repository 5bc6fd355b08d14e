"""Thin clients of the outside world and the action kinds built on them."""
