"""Tests of what agents know: documents, files, sites, vectors."""
