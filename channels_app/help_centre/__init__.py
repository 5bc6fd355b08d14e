"""The public help centre beside a web chat: its pages, site map and feed."""
