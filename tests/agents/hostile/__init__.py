"""The hostile-model harness: a seeded grammar of everything that a model may say or ask for."""
