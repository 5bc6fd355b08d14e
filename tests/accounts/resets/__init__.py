"""New passwords, and the pages that ask for them."""
