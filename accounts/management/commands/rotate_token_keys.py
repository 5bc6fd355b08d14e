"""`manage.py rotate_token_keys`: sign access tokens with a new key."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.tokens import keys


class Command(BaseCommand):
    help = "Sign access tokens with a new key. The one before it verifies those it signed until they have ended."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key and print its id."""
        self.stdout.write(f"Access tokens are signed with key {keys.rotate(keys.current()).pk.hex} from now on.")
