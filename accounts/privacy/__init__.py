"""Revealing and erasing personal data of members."""
