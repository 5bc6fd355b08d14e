"""What `./walker doctor` and the console check of an installation: a registry, and the checks of core."""
