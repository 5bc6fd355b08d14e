"""Vectors of passages: made by a route that offers embeddings, kept per passage, searched beside full text."""
