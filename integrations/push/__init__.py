"""Web Push: messages to people's browsers while no page is open."""
