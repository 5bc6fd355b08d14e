"""The console's pages of evals: cases, and runs over them."""
