"""Drills, as an integration's desk knows them: asked for, running, over. Nothing of a drill is an incident here. Pure."""

from typing import Literal

from bot.domain.fact import Address, Fact


class DrillRequested(Fact):
    """Somebody wants to train; the drill's follower starts it once, as a process with databases of its own."""

    kind = "drill_requested"
    request: str
    integration: str
    drill: str
    """The name of its scenario."""
    address: Address = Address()


class DrillStarted(Fact):
    """It runs, and this is where people take part."""

    kind = "drill_started"
    request: str
    drill: str
    url: str
    says: str


class DrillFinished(Fact):
    """It is over: the score, and each line of it."""

    kind = "drill_finished"
    request: str
    drill: str
    outcome: Literal["done", "failed", "stopped"]
    score: int | None
    """Of 100; None where it did not come to an end."""
    says: str
    lines: tuple[str, ...] = ()
    report: str = ""
    """The drill's report, as Markdown."""
    address: Address = Address()


AnyDrill = DrillRequested | DrillStarted | DrillFinished
