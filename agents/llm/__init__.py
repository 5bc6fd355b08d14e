"""Adapters of the model port to outside providers; the heavy libraries load when first used."""
