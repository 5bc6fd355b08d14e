"""Template tags of the mail templates."""
