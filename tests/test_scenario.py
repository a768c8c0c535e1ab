"""Scenarios of drills as TOML: the shipped ones are whole, and every mistake in one's own is told with its line."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.playbook import SHIPPED as PLAYBOOKS
from bot.scenario import SHIPPED, known, load, shipped

GOOD = (Path(__file__).parents[1] / "bot/scenarios/rate-limit.toml").read_text("utf-8")


def test_six_ship_and_each_names_playbooks_that_are_there() -> None:
    found = shipped()
    assert tuple(found) == SHIPPED
    assert len(found) == 6
    assert len(found["storm-and-silence"].faults) == 2
    folder = Path(__file__).parents[1] / "bot/scenarios"
    assert {path.stem for path in folder.glob("*.toml")} == set(SHIPPED)
    for one in found.values():
        named = {name for wanted in one.good.helps for name in wanted.any_of}
        named |= {harm.playbook for harm in one.good.harms}
        named |= {fault.mended_by for fault in one.faults if fault.mended_by}
        assert named <= set(PLAYBOOKS), one.name
        for word in ("storm", "429", "webhook", "503", "revoked"):
            assert word not in one.story.lower(), "the story gives nothing away"


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    broken = (
        GOOD.replace('severity = "SEV-2"', 'severity = "SEV-9"')
        .replace("at_s = 30", "at_s = -1\nhow_bad = 3")
        .replace("length_s = 2400", 'length_s = "long"')
    )
    with pytest.raises(ConfigError) as told:
        load(broken, source="own.toml")
    text = "\n".join(told.value.faults)
    assert len(told.value.faults) == 4
    assert "own.toml:7: length_s: Input should be a valid number" in text
    assert "own.toml:11: faults[0].at_s: Input should be greater than or equal to 0" in text
    assert "own.toml:12: faults[0].how_bad: Extra inputs are not permitted" in text
    assert "good.severity: Input should be 'SEV-1'" in text


def test_what_is_no_toml_and_what_breaks_too_late_is_refused() -> None:
    with pytest.raises(ConfigError, match="this is not TOML"):
        load("name = ", source="own.toml")
    with pytest.raises(ConfigError, match="only after the drill is over"):
        load(GOOD.replace("at_s = 30", "at_s = 9000"), source="own.toml")
    with pytest.raises(ConfigError, match="small letters, digits and hyphens"):
        load(GOOD.replace('"rate-limit"', '"Rate limit"', 1), source="own.toml")


def test_a_teams_own_goes_before_ours_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD.replace("The sync is refused", "Ours"), "utf-8")
    (tmp_path / "b.toml").write_text(GOOD.replace('"rate-limit"', '"night-shift"', 1), "utf-8")
    (tmp_path / "c.toml").write_text("name = 1", "utf-8")
    found, faults = known(tmp_path)
    assert found["rate-limit"].title == "Ours"
    assert {"night-shift", *SHIPPED} == set(found)
    assert any(fault.startswith("c.toml") for fault in faults)
    assert known(tmp_path / "nowhere")[1] == ()
