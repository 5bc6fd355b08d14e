"""Walker's built-in local model: rules over words, no network, no key, the same answer every time."""
