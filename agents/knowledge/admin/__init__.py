"""The console's pages of knowledge: collections, their documents, and open questions."""
