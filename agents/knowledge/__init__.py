"""What an organisation's agents know: collections of documents, and answers found in them."""
