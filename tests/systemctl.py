"""A program that takes systemctl's place: a real process, which writes down how it was called."""

import shlex
from collections.abc import Mapping
from pathlib import Path

RUNS: Mapping[str, str] = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "NRestarts": "0",
    "Restart": "on-failure",
    "InvocationID": "a1",
    "ExecMainStatus": "0",
    "ExecMainCode": "0",
    "ActiveEnterTimestamp": "Thu 2026-11-26 03:00:00 UTC",
    "ExecMainExitTimestamp": "",
    "MemoryCurrent": "52428800",
    "MemoryMax": "infinity",
}


class Systemctl:
    """Shows the properties that it is given; a restart shows what ``after_restart`` names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refusals: list[tuple[str, str]] = []
        self._file = folder / "systemctl"
        self._write()

    @property
    def path(self) -> str:
        """The program's path."""
        return str(self._file)

    def shows(self, properties: Mapping[str, str], **changes: str) -> None:
        """What ``show`` prints from now on."""
        lines = [f"{name}={value}" for name, value in {**properties, **changes}.items()]
        (self._folder / "show").write_text("\n".join(lines) + "\n", "utf-8")

    def after_restart(self, properties: Mapping[str, str], **changes: str) -> None:
        """What ``show`` prints once it was restarted."""
        lines = [f"{name}={value}" for name, value in {**properties, **changes}.items()]
        (self._folder / "restarted").write_text("\n".join(lines) + "\n", "utf-8")

    def refuses(self, argument: str, says: str) -> None:
        """Ends with an error where this argument is among the others."""
        self._refusals.append((argument, says))
        self._write()

    def runs(self, script: str) -> None:
        """Do this instead of everything."""
        self._file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        self._file.chmod(0o755)

    def calls(self) -> list[str]:
        """How it was called, in order."""
        log = self._folder / "calls"
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def _write(self) -> None:
        folder = shlex.quote(str(self._folder))
        refusals = "".join(
            f'for a in "$@"; do [ "$a" = {shlex.quote(argument)} ] && {{ echo {shlex.quote(says)} >&2; exit 1; }}; done\n'
            for argument, says in self._refusals
        )
        self.runs(
            f'cd {folder} || exit 9\necho "$@" >> calls\n{refusals}'
            'case "$1" in\n'
            "show) cat show ;;\n"
            "restart) [ -f restarted ] && mv restarted show; true ;;\n"
            "reset-failed) true ;;\n"
            "*) exit 2 ;;\n"
            "esac"
        )
