"""Files of lists, to work with elsewhere."""
