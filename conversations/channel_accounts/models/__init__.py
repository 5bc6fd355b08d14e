"""Tables of channel accounts and their templates."""
