"""What the command line of the tests takes."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mx")
    group.addoption("--kills", type=int, default=100, help="how often the gateway is killed (default 100)")
    group.addoption("--seed", type=int, default=None, help="the seed that a test of chance printed")
