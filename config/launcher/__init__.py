"""What `./walker` does once its environment exists: embedded services, supervisor, tests and checks."""
