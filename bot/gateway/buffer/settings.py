"""The buffer's settings: how much it holds and for how long, how it is sent on, when MaintainX counts as down."""

from pydantic import BaseModel, ConfigDict, Field


class BufferSettings(BaseModel):
    """Everything about writes that wait."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str | None = Field(default=None, repr=False, min_length=1)
    """Encrypts bodies and answers on the disk; None: they stand there as they came."""
    max_bytes: int = Field(default=256 * 2**20, ge=2**16, le=2**40)
    """Bytes of all bodies that wait; one more write gets 503."""
    max_age_s: float = Field(default=86400.0, gt=0, le=30 * 86400)
    """How old the oldest waiting write may be before new ones get 503."""
    max_body: int = Field(default=10 * 2**20, ge=1024, le=2**30)
    """Bytes of one write's body; a longer one gets 413."""
    keep_s: float = Field(default=7 * 86400.0, gt=0, le=365 * 86400)
    """How long a delivered write and its answer are kept."""
    replay_share: float = Field(default=0.4, gt=0, le=1)
    """The share of MaintainX's limit per user that a replay may spend; the rest is left to live traffic."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many entities a replay works on at once."""
    settle_s: float = Field(default=15.0, ge=0, le=600)
    """How long after a broken connection a write is looked for: MaintainX may still be at work on it."""
    auto_replay: bool = False
    """Whether ``buffer: auto`` starts the replay by itself once MaintainX is back."""
    skip_webhook: bool = False
    """Whether replayed writes ask MaintainX for no webhooks (``skipWebhook=true``)."""
    down_after: int = Field(default=5, ge=1, le=1000)
    """Failures in a row (no connection, no answer in time, 5xx) after which MaintainX is judged down."""
    up_after: int = Field(default=2, ge=1, le=100)
    """Good answers in a row to the gateway's own question after which it is judged back."""
    ask_every_s: float = Field(default=10.0, ge=0.05, le=600)
    """How often it is asked meanwhile."""
    stale_paths: tuple[str, ...] = ()
    """Reads (``GET /v1/users*``) that may be answered with their last good answer while writes are buffered."""
