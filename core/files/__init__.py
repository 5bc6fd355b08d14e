"""What a file is by its bytes, and pictures redrawn by us."""
