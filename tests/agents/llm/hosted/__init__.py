"""Tests of the providers' models."""
