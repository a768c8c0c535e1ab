"""``mx slack-sim`` says what is wrong with what it was told, before it listens."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import mx
from bot.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--request-url", "127.0.0.1:3000"], "give a whole address"),
        (["--request-url", "http://[::1"], "give a whole address"),
        (["--people", " , "], "at least one name"),
        (["--people", "Ada,Ada"], "each of them once"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--for", "0"], "not in the range"),
        (["--manifest", "nowhere.json"], "does not exist"),
    ],
)
def test_a_bad_option_is_named(options: list[str], says: str) -> None:
    answer = CliRunner().invoke(mx, ["slack-sim", *options])
    assert answer.exit_code == 2
    assert says in answer.output


def test_a_manifest_that_is_yaml_gets_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yml"
    file.write_text("display_information:\n  name: mx\n")
    answer = CliRunner().invoke(mx, ["slack-sim", "--manifest", str(file)])
    assert isinstance(answer.exception, ConfigError)
    assert 'tab "JSON"' in str(answer.exception)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = CliRunner().invoke(mx, ["slack-sim", "--port", port])
    assert isinstance(answer.exception, ConfigError)
    assert f"listening on port {port}" in str(answer.exception)
