"""``--key-file``: the new API key from a file or standard input; it is never echoed, and never in an argv."""

import getpass
import os
import stat
import sys

import click
from pydantic import SecretStr

from bot.domain.gateway import listed
from bot.domain.keytext import stray_parts

STDIN = "-"
_LONGEST = 8192
"""Bytes; whatever is longer is another file."""


def read_key(source: str) -> SecretStr:
    """The key in this file, or on standard input (``-``), less one newline at its end.

    Raises click's BadParameter where there is none. What is odd about it is told on standard error, and is no refusal:
    the playbook tests the key before it does anything with it.
    """
    if source == STDIN and sys.stdin.isatty():
        found = getpass.getpass("The new API key (it is not shown): ").encode("utf-8", "surrogateescape")
    else:
        found = _bytes(source)
    found = found.removesuffix(b"\r\n" if found.endswith(b"\r\n") else b"\n")
    where = "standard input" if source == STDIN else source
    if not found.strip():
        raise _wrong(f"reading the new key: {where} is empty; put the key there, and nothing else")
    if len(found) > _LONGEST:
        raise _wrong(
            f"reading the new key: {where} holds more than {_LONGEST} bytes, so it is no key; name the file of the key"
        )
    key = found.decode("utf-8", "surrogateescape")
    if stray := stray_parts(key):
        click.echo(f"Note: the key from {where} holds {listed(stray)}; it is used as it is.", err=True)
    return SecretStr(key)


def _bytes(source: str) -> bytes:
    try:
        if source == STDIN:
            return sys.stdin.buffer.read(_LONGEST + 3)
        with open(source, "rb") as file:  # noqa: PTH123 - one descriptor, so that what is judged is what is read
            if os.fstat(file.fileno()).st_mode & (stat.S_IRGRP | stat.S_IROTH):
                click.echo(
                    f"Note: {source} can be read by other users of this machine. Afterwards: chmod 600 {source}",
                    err=True,
                )
            return file.read(_LONGEST + 3)
    except OSError as error:
        raise _wrong(f"reading the new key from {source}: {error.strerror}") from None


def _wrong(words: str) -> click.BadParameter:
    return click.BadParameter(words, param_hint="--key-file")
