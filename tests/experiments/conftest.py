"""What the tests of trainings share."""

import signal

import pytest


@pytest.fixture(autouse=True)
def heard():
    """Ctrl-C is heard, as in a terminal: a suite that a shell runs in its background inherits SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
