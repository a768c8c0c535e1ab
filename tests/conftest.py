"""What the command line of the tests takes, and a log that each test finds as it was."""

import logging
from collections.abc import Iterator

import pytest
import structlog


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mx")
    group.addoption("--kills", type=int, default=100, help="how often the gateway is killed (default 100)")
    group.addoption("--seed", type=int, default=None, help="the seed that a test of chance printed")


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A verb that runs inside a test sets up the operator's log; the next test is not to find it so."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root = logging.getLogger()
        for handler in [one for one in root.handlers if type(one).__module__ == "bot.operators_log"]:
            root.removeHandler(handler)
