"""The database of the tests: made, emptied, and written past the services."""
