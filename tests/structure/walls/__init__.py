"""What may not be reached from elsewhere."""
