"""The person at the terminal: asked one line at a time, while the rest of mx goes on."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click


class Person:
    """Somebody who may be asked, or nobody: ``terminal`` is the descriptor of the terminal that is typed at."""

    def __init__(self, terminal: int | None) -> None:
        self._terminal = terminal

    @property
    def there(self) -> bool:
        """Whether anybody can be asked."""
        return self._terminal is not None

    async def line(self, question: str) -> str:
        """What is typed, without its newline. Raises click's Abort at the end of input; may be cancelled."""
        assert self._terminal is not None
        click.echo(question, nl=False, err=not sys.stdout.isatty())
        typed = b""
        while not typed.endswith(b"\n"):
            await _readable(self._terminal)
            part = os.read(self._terminal, 4096)
            if not part:
                click.echo(err=True)
                raise click.Abort
            typed += part
        return typed.decode("utf-8", "replace").strip()

    async def agrees(self, question: str) -> bool:
        """Yes or no, no being what an empty line says."""
        while True:
            answer = (await self.line(f"{question} [y/N]: ")).lower()
            if answer in ("y", "yes"):
                return True
            if answer in ("", "n", "no"):
                return False
            click.echo("Type y or n.")

    async def chooses(self, question: str, choices: Mapping[str, str]) -> str:
        """One of the choices, by its first letter or its word; ``choices`` tells what each one does."""
        for word, does in choices.items():
            click.echo(f"  {word}: {does}")
        while True:
            answer = (await self.line(f"{question} ({'/'.join(choices)}): ")).lower()
            found = [word for word in choices if answer and word.startswith(answer)]
            if len(found) == 1:
                return found[0]
            click.echo(f"Type one of {', '.join(choices)}.")


@contextmanager
def at_terminal(*, input_taken: bool) -> Iterator[Person]:
    """Who can be asked: at standard input, or, where that is taken by a key, at the terminal that mx was started from."""
    if not input_taken:
        yield Person(sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else None)
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # started by cron, a pipeline of a service, a container without one
        yield Person(None)
        return
    try:
        yield Person(terminal)
    finally:
        os.close(terminal)


async def _readable(terminal: int) -> None:
    """Return when there is a line to read, so that a read does not hold up the rest."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(terminal, ready.set)
    except OSError:  # some systems cannot wait for a terminal; then the read itself waits
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(terminal)
