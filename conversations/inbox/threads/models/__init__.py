"""Tables of notes and of team chat."""
