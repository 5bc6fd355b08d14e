"""Public help centres: their settings, the articles they show, and whether these helped."""
