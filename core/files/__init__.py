"""What a file is by its bytes, and pictures drawn anew by us."""
