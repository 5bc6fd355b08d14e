"""The base of all other apps; imports none of them."""
