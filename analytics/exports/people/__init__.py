"""Exports of a person: "what do you hold about me", answered with one archive."""
