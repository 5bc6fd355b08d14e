"""Mirrors of ad campaigns."""
