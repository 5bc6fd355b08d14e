"""The hub: payments that customers confirm, over the back office's stand-in."""
