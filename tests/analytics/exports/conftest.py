"""A person who has left traces everywhere, as the tests of erasure have them."""

from tests.erasure.conftest import traces, traces_of_the_module  # noqa: F401
