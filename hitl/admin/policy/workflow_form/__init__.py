"""The workflow form."""
