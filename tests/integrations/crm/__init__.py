"""The port of customer relationship systems, and what holds every adapter to it."""
