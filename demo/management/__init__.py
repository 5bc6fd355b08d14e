"""Django's commands of the demo."""
