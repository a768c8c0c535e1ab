"""Database URLs: where the file is, or what to write instead."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.journal.url import sqlite_path

BESIDE = Path("/etc/mx")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///mx.db", "/etc/mx/mx.db"),
        ("sqlite:///data/mx.db", "/etc/mx/data/mx.db"),
        ("sqlite:////var/lib/mx.db", "/var/lib/mx.db"),
        (" SQLite:///mx.db\n", "/etc/mx/mx.db"),
    ],
)
def test_a_relative_path_lies_beside_the_settings(url: str, path: str) -> None:
    assert sqlite_path(url, beside=BESIDE) == Path(path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://mx:hunter22@db/mx", "PostgreSQL is not supported yet"),
        ("postgres://mx:hunter22@db/mx", "PostgreSQL is not supported yet"),
        ("mysql://mx:hunter22@db/mx", "databases of the kind 'mysql' are not supported"),
        ("mx.db", "has no scheme"),
        ("", "has no scheme"),
        ("sqlite://mx.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///data/", "names no file"),
        ("sqlite:///mx.db?mode=ro", "no options"),
    ],
)
def test_anything_else_says_what_to_write_and_repeats_no_password(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        sqlite_path(url, beside=BESIDE)

    assert "write sqlite:///NAME.db" in str(caught.value)
    assert "hunter22" not in str(caught.value)
