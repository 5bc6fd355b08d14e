"""The same approval in other engines, each run by an environment of its own."""
