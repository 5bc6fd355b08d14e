"""Forms and actions of the channels page that no channel has to itself."""
