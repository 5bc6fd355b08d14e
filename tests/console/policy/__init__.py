"""Pages of rules: workflows, simulations, emergency stop."""
