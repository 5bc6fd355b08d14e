"""The daily brief: collect, compose and render."""
