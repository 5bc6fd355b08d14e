"""Erase a person from every app.

What each app does about it, the one service that runs it, and the survey of all columns.
"""
