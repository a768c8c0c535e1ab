"""The ``mx`` command: its table of verbs, its errors, and what it does not import."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import VERBS, mx


@pytest.mark.parametrize("verb", [name for name, _ in VERBS])
def test_every_verb_of_the_table_is_a_command_with_help(verb: str) -> None:
    command = importlib.import_module(f"bot.verbs.{verb}").command
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
