"""Routes to models: which model answers, what each call costs, and how much may be spent."""
