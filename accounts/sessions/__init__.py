"""The sessions in which a person is signed in: where each was last used, and ending them."""
