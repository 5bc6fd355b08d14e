"""The engine under anything that may happen: generated histories, races and broken rules."""
