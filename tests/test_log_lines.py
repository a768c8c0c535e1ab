"""What the log says: every line of mx has an event's name, a level that means something, and what it is about."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLLOWERS = (
    *(
        "monitor",
        "paging",
        "lease_clock",
        "audit_pages",
        "acting",
        "verifier",
        "gap_watch",
        "clocks",
        "runner",
    ),
    *(
        "triage",
        "gateway_feed",
        "gateway_orders",
        "slack/card",
        "slack/posts",
        "slack/answers",
        "slack/reporting",
    ),
)
"""Modules whose lines are about an incident or an integration; those that are about neither are named below."""

ABOUT_NEITHER = {"old samples not deleted", "dead-man's switch not pinged", "dead-man's switch not reached"}
LEVELS = {"info", "warning", "error"}


class Line:
    """A call of a structured logger in the source."""

    def __init__(self, module: Path, call: ast.Call, level: str) -> None:
        self.place = f"{module.relative_to(ROOT)}:{call.lineno}"
        self.level = level
        first = call.args[0] if call.args else None
        self.event = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        self.keys = {keyword.arg for keyword in call.keywords}


def lines(module: Path) -> Iterator[Line]:
    text = module.read_text("utf-8")
    if "structlog" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            if of in {"log", "self._log"} or of.startswith("structlog.get_logger("):
                yield Line(module, node, node.func.attr)


EVERY = [
    line
    for module in sorted((ROOT / "bot").rglob("*.py"))
    if "demo" not in module.parts
    for line in lines(module)
]


@pytest.mark.parametrize("line", EVERY, ids=[line.place for line in EVERY])
def test_a_line_is_an_event_with_a_level_and_its_reason(line: Line) -> None:
    assert line.level in LEVELS, "an exception is told by where it fell, with `fault`"
    assert line.event is not None, "the event's name never changes; what changes stands in keys"
    assert len(line.event) <= 48
    assert not line.event.endswith("."), "an event's name is no sentence"
    assert not line.keys & {"exc_info", "stack_info", "exception"}
    if line.level != "info" and line.event not in {"this process leads no longer", "incident opened"}:
        assert line.keys & {"because", "fault", "do", "interval_s"}, "says why"
    if line.event.endswith(" fell"):
        assert "fault" in line.keys


def test_what_a_follower_logs_names_the_incident_or_the_integration() -> None:
    paths = {f"bot/{name}.py" for name in FOLLOWERS}
    assert all((ROOT / path).is_file() for path in paths)
    of_followers = [line for line in EVERY if line.place.partition(":")[0] in paths]
    assert len(of_followers) > 15
    lost = [
        line.place
        for line in of_followers
        if line.event not in ABOUT_NEITHER and not line.keys & {"incident", "integration"}
    ]
    assert not lost
