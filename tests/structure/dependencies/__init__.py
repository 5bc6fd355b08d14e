"""What the apps, and the whole product, import."""
