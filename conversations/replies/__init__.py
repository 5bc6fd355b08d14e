"""What colleagues answer with: canned replies, macros, drafts, suggestions, automatic answers."""
