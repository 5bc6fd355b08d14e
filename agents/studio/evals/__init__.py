"""Checks of an agent: cases, what was seen in a trial, and the judgement."""
