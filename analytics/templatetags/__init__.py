"""Tags of the mail templates."""
