"""Make agents: drafts, activation, templates, export and import."""
