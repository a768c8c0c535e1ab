"""What the bot knows of its team: who is woken, who may act, when it works, how it watches; out of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar
from bot.domain.reminders import Duty

LogFormat = Literal["auto", "json", "console"]
"""``auto``: for eyes where standard error is a terminal, else one JSON object a line."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Whom to wake: PagerDuty's routing keys in the order of escalation, and an address for any other pager."""

    routing_keys: tuple[str, ...] = field(repr=False)
    events_url: str
    page_url: str | None = field(repr=False)
    """It may hold a secret."""
    page_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with each page to ``page_url``."""
    page_secret: str | None = field(default=None, repr=False)
    """Signs each page to ``page_url`` with HMAC-SHA256."""
    page_template: Path | None = None
    """The JSON that ``page_url`` takes, as a Jinja template; None: mx's own."""
    page_from: Severity = Severity.SEV2
    """An incident as grave as this or graver wakes somebody at once; a milder one when its response is missed."""
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    """What PagerDuty signs its own news with; several while one is being exchanged."""


@dataclass(frozen=True, slots=True)
class People:
    """Who may act: ids of Slack users and user groups. Both empty: the members of the incident's channel."""

    responders: tuple[str, ...]
    approvers: tuple[str, ...]
    approval_s: float
    """How long a run waits for a second person."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How the monitor and the clocks go about it."""

    online_urls: tuple[str, ...]
    """Addresses outside that answer while mx itself is online; empty: that is not checked."""
    samples_keep_s: float
    """How long the rounds' samples are kept."""
    rounds_at_once: int
    """So many integrations are asked side by side."""
    ack_lapses_s: float
    """How long an acknowledgement holds without a sign of whoever gave it; 0: for ever."""
    dead_mans_switch_url: str | None = field(repr=False)
    """Pinged after each round of the auditor in which every page that was due was sent."""


@dataclass(frozen=True, slots=True)
class BotSettings:
    """The bot's own process: its port, where its timeline is, the team's calendar."""

    port: int
    database: Path
    calendar: Calendar
    public_url: str | None
    playbooks: Path
    """The folder of the team's own playbooks; it need not be there."""
    pages: Pages
    people: People
    watching: Watching
    log_format: LogFormat = "auto"
    templates: Path | None = None
    """The folder of the team's own templates, which go before the shipped ones."""
    drills: Path | None = None
    """The folder of the team's own drills, which go before the shipped ones."""
    link_secret: str | None = field(default=None, repr=False)
    """Signs the links to the bot's pages; None: nothing is shown there."""
    link_days: float = 7.0
    """For how many days such a link is good."""
    keep_emoji: str = "pushpin"
    """Put on a message, it puts the message on the timeline; without colons."""
    summary_at: time | None = time(9)
    """When an incident that stays open is summed up each day, in the team's zone; None: never."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of every time that people read."""
        return self.calendar.zone

    @property
    def duty(self) -> Duty:
        """By when somebody has to answer, and how long an answer holds."""
        return Duty(self.calendar, timedelta(seconds=self.watching.ack_lapses_s))


def bot_of(found: dict[str, Any], *, database: Path, beside: Path) -> BotSettings:
    """The values of ``[bot]``; relative files lie in the folder ``beside``."""
    keys = (found["routing_key"], *found["escalation_keys"])
    opens, closes = found["business_hours"]
    template = found["page_template"]
    return BotSettings(
        port=found["port"],
        database=database,
        calendar=Calendar(
            found["timezone"],
            opens=opens,
            closes=closes,
            days=found["business_days"],
            closed=found["holidays"],
        ),
        public_url=found["public_url"],
        playbooks=beside / (found["playbooks"] or "playbooks"),
        pages=Pages(
            tuple(key for key in keys if key),
            found["events_url"],
            found["page_url"],
            page_headers=found["page_headers"],
            page_secret=found["page_secret"],
            page_template=beside / template if template else None,
            page_from=found["page_from"],
            webhook_secrets=tuple(s for s in (found["pagerduty_webhook_secret"] or "").split(",") if s),
        ),
        people=People(found["responders"], found["approvers"], found["approval_s"]),
        log_format=found["log_format"],
        templates=beside / found["templates"] if found["templates"] else None,
        drills=beside / found["drills"] if found["drills"] else None,
        link_secret=found["link_secret"],
        link_days=found["link_days"],
        summary_at=found["summary_at"],
        keep_emoji=found["keep_emoji"],
        watching=Watching(
            online_urls=found["online_urls"],
            samples_keep_s=found["samples_keep_s"],
            rounds_at_once=found["rounds_at_once"],
            ack_lapses_s=found["ack_lapses_s"],
            dead_mans_switch_url=found["dead_mans_switch_url"],
        ),
    )
