"""Passwords of tests are hashed as the product does it, in a thousandth of the rounds."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FewRounds(PBKDF2PasswordHasher):
    """The product's hasher at a speed at which thousands of sign-ins can be tried."""

    iterations = 1000
