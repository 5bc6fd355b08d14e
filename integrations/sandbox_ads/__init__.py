"""The sandbox marketing platform seen from Walker."""
