"""An integration as triage sees it: one connection to MaintainX that a team runs."""

from typing import Literal

from bot.domain.readings import Frozen


class LogSpec(Frozen):
    """Where the integration's log is: a file's path, a journald unit, or a command's argument list."""

    kind: Literal["file", "journald", "command"]
    argument: tuple[str, ...]


class Integration(Frozen):
    """What to ask, where, and what counts as critical or slow. Never holds a key."""

    name: str = "default"
    base_url: str
    org_id: str | None = None
    health_url: str = "http://localhost:3000/health"
    health_configured: bool = False
    """False where the address is only the default: nothing listening there is then unknown, not down."""
    status_url: str
    channel: str | None = None
    """The Slack channel of its incidents; None: where the command was typed."""
    endpoints: tuple[str, ...] = ("/users", "/workorders", "/assets", "/locations")
    critical: tuple[str, ...] = ("/workorders",)
    slow_ms: float = 2000.0
    deadline_s: float = 10.0
    log: LogSpec | None = None
