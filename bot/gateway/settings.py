"""The gateway's settings: frozen, checked when made, each with what it means and its range."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.lanes import Lane, lanes_from
from bot.gateway.webhooks.settings import WebhookSettings


class GatewaySettings(BaseModel):
    """Everything the gateway's process needs to know. The token never shows in a repr."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upstream: str
    """MaintainX's base URL (``https://api.getmaintainx.com/v1``); requests go to its origin with their own path."""
    database: Path
    """The SQLite file of leases, buffer, inbox and event feed; made where it does not exist."""
    organisation: str = ""
    """The organisation that the gateway's own requests are about, where the key serves several."""
    buffer: BufferSettings = Field(default_factory=BufferSettings)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    retry_share: float = Field(default=0.1, ge=0, le=1)
    """Further tries may be at most this share of the traffic, so that they cannot become the outage."""
    retry_tries: int = Field(default=3, ge=1, le=10)
    """How often a safe request is sent in all while retries are on."""
    platform: str | None = None
    """A host whose own disk is new at each start (Cloud Run, Heroku), where one is known."""
    host: str = "0.0.0.0"  # noqa: S104 - the integration reaches it from its own container; callers bring their key
    """The address to listen on; ``127.0.0.1`` where the integration runs on the same machine."""
    port: int = Field(default=8081, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""
    token: str | None = Field(default=None, repr=False, min_length=1)
    """Bearer token of the admin routes; None: only loopback peers may use them."""
    lanes: tuple[Lane, ...] = Field(default_factory=lanes_from)
    """Lanes by method and path, the first that fits counts."""
    max_wait_s: float = Field(default=20.0, ge=0, le=300)
    """How long a request over the rate or the budget waits before it gets 429."""
    max_waiting: int = Field(default=1000, ge=0, le=100_000)
    """How many requests may wait at once; one more gets 429 at once."""
    max_in_flight: int = Field(default=2000, ge=1, le=100_000)
    """How many requests may be under way at once, waiting ones included; one more gets 503 at once."""
    paused_retry_after_s: int = Field(default=60, ge=1, le=3600)
    """The longest ``Retry-After`` that a paused job is told; shorter where the lease ends earlier."""
    user_limit: int = Field(default=100, ge=1, le=1_000_000)
    """Requests per 60 s that MaintainX allows one user (one key), where its answers do not say."""
    organisation_limit: int = Field(default=500, ge=1, le=1_000_000)
    """Requests per 60 s that MaintainX allows all users of an organisation."""
    connect_s: float = Field(default=5.0, gt=0, le=60)
    """How long connecting to MaintainX may take, DNS and TLS included."""
    answer_s: float = Field(default=60.0, gt=0, le=600)
    """How long MaintainX may be silent before and within its answer."""
    stall_s: float = Field(default=30.0, gt=0, le=600)
    """How long a body may stand still on either side before the exchange is given up."""
    idle_s: float = Field(default=75.0, gt=0, le=3600)
    """How long a client's connection may be idle, or take to send a request's head."""
    drain_s: float = Field(default=30.0, ge=0, le=3600)
    """How long a stop waits for what is in flight."""
    ca_file: Path | None = None
    """Certificates to trust for the upstream instead of the system's; for a private or test installation."""
    proxy: str | None = Field(default=None, repr=False)
    """The HTTP proxy (``http://host:port``) through which an ``https`` upstream is reached, as HTTPS_PROXY says."""
