"""Customer relationship systems: what contacts are there, whichever system an organisation uses."""
