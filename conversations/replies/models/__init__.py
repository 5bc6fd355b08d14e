"""Tables of what colleagues answer with."""
