"""Figures: the metrics, how events are counted into hours and days, and reading them."""
