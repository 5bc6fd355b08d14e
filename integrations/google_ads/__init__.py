"""Google's advertising platform: ad campaigns, their budgets and figures."""
