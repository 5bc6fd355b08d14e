"""Who answers: the rules that name an agent or a person, and what they choose for a turn."""
