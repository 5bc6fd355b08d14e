"""Seals of the rules: detect workflows, limits, stops and settings that were changed outside the application."""
