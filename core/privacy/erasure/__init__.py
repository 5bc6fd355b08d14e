"""Erasing a person: what each app does about it, the one service that runs it, and the survey of all columns."""
