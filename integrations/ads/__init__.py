"""What advertising platforms have in common: budgets, pauses and figures of ad campaigns, without keys for repeats."""
