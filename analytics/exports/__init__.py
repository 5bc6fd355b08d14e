"""Exports: lists taken away as files, written by a worker, sealed at rest, and removed after some days."""
