"""The ``mx`` command: its table of verbs, its errors, and what it does not import."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot import cli
from bot.cli import VERBS, mx
from bot.errors import ConfigError, StoreError


@pytest.mark.parametrize("verb", [name for name, _ in VERBS])
def test_every_verb_of_the_table_is_a_command_with_help(verb: str) -> None:
    command = mx.get_command(click.Context(mx), verb)
    assert isinstance(command, click.Command)
    answer = CliRunner().invoke(mx, [verb, "--help"])
    assert answer.exit_code == 0
    assert answer.output.startswith(f"Usage: mx {verb}")


def test_help_lists_every_verb_without_importing_one() -> None:
    code = (
        "import sys, bot.cli\n"
        "try: bot.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'aiohttp', 'httpx', 'pydantic', 'slack_bolt', 'rich', 'bot.verbs.serve'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, says in VERBS:
        assert name in done.stdout
        assert says.split()[0] in done.stdout


def test_wrong_settings_are_listed_on_standard_error_and_exit_with_2(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text("[bot]\nport = 'x'\ntimezone = 'Nowhere'\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "gateway"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "port: found 'x': write a whole number" in done.stderr
    assert "timezone: found 'Nowhere'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (ExceptionGroup("tasks", [StoreError("the disk is full")]), 1, "mx: the disk is full\n"),
        (ExceptionGroup("tasks", [ConfigError(("PORT: no",))]), 2, "  - PORT: no\n"),
        (KeyError("k-very-secret"), 1, "a fault in mx itself, not in your settings: KeyError at test_cli.py"),
        (
            ExceptionGroup("tasks", [OSError(28, "No space left")]),
            1,
            "mx: this machine refused to read or write: No space left.",
        ),
    ],
)
def test_whatever_goes_wrong_is_one_text_and_never_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: Exception,
    code: int,
    words: str,
) -> None:
    def verb(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "mx", verb)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert words in said
    assert "k-very-secret" not in said
    assert "Traceback" not in said
