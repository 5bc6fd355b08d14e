"""What people are told of their figures: the daily brief."""
