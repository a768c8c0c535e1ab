"""An integration as triage sees it: one connection to MaintainX that a team runs."""

from typing import Literal

from bot.domain.readings import Frozen


class LogSpec(Frozen):
    """Where the integration's log is: a file's path, a journald unit, or a command's argument list."""

    kind: Literal["file", "journald", "command"]
    argument: tuple[str, ...]


class ServiceSpec(Frozen):
    """Where the integration's own process is, so that it can be looked at and started anew."""

    kind: Literal["docker", "systemd"]
    name: str
    """The container's or the unit's name."""
    socket: str = "/var/run/docker.sock"


class KeyStoreSpec(Frozen):
    """Where the integration's key is kept, so that a new one can be put there."""

    kind: Literal["gcp", "env-file", "command"]
    variable: str = "MAINTAINX_API_KEY"
    """The variable by which the service reads the key."""
    project: str = ""
    region: str = ""
    service: str = ""
    secret: str = ""
    container: str = ""
    """Which container of the Cloud Run service; empty: the one that reads the variable."""
    secrets_url: str | None = None
    run_url: str | None = None
    file: str = ""
    argument: tuple[str, ...] = ()


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
    service: ServiceSpec | None = None
    key_store: KeyStoreSpec | None = None
    import_url: str | None = None
    """Where rows of a backfill are handed to the integration."""
    import_command: tuple[str, ...] = ()
    openapi_url: str | None = None
    """The vendor's published document; None: ``openapi.json`` below the base URL."""
    watch: bool = True
    """Whether the monitor asks by itself."""
    interval_s: float = 300.0
    """Between two rounds of the monitor."""
    interval_open_s: float = 30.0
    """The same while an incident is open, or a bad round waits for a second one."""
    bad_rounds: int = 2
    """So many bad rounds in a row are needed before anybody is told."""
    good_rounds: int = 3
    """So many good rounds in a row are needed before it counts as well again."""
    canary: bool = False
    """Whether a work order may be made, read back and cancelled to show that data flows."""
    sync_state_file: str | None = None
    """The integration's own record of its last sync."""
    sync_stale_s: float = 900.0
    """How old the last sync may be."""
