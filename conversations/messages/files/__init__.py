"""Rules about files without reading anything: kinds by their bytes, names, limits of a channel."""
