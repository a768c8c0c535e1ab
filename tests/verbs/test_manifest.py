"""``mx manifest`` prints what is pasted into Slack."""

import json
from pathlib import Path

import yaml

from tests.verbs.terminal import mx

ROOT = Path(__file__).parents[2]


async def test_it_prints_the_manifest_that_lies_in_the_repository(tmp_path: Path) -> None:
    printed = await mx("manifest", env={}, folder=tmp_path)
    assert printed.out == (ROOT / "manifest.yml").read_text("utf-8")


async def test_the_address_and_the_mode_are_ones_own(tmp_path: Path) -> None:
    own = ("manifest", "--http", "--url", "https://b.example")
    told = json.loads((await mx(*own, "--format", "json", env={}, folder=tmp_path)).out)
    assert told["settings"]["interactivity"]["request_url"] == "https://b.example/slack/events"
    assert told["settings"]["socket_mode_enabled"] is False
    assert yaml.safe_load((await mx(*own, env={}, folder=tmp_path)).out) == told


async def test_an_address_that_slack_would_refuse_is_refused(tmp_path: Path) -> None:
    done = await mx("manifest", "--url", "http://b.example", env={}, folder=tmp_path)
    assert done.code == 2
    assert "starts with https://" in done.err
