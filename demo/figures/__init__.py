"""The demo's figures: half a year of facts, and what its briefs say."""
