"""How a message is answered: runs, their tools and calls, what is understood, what may be said."""
