"""The pages of figures: what they show, how it is worded, and the lists behind it."""
