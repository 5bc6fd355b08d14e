"""Meta's Marketing API: ad accounts, budgets, insights, the change log, and the login that consents to it."""
