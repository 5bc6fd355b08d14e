"""The console's page of channels."""
