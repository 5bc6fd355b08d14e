"""The builder of conditions: rows of fact, comparison and value, and rows of forms that people add and remove."""
