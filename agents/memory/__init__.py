"""What agents remember of contacts: few typed facts, each from the contact's own words."""
