"""The console: our admin site, its base classes, and the admin of core and accounts."""
