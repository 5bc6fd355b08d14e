"""Tests of agents and their templates."""
