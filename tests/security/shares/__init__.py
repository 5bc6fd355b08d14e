"""Single objects that are shared, for each kind: who sees and does what, and who no longer."""
