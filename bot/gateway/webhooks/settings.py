"""The inbox's settings: whose signature is trusted, where deliveries go, how often changes are asked for."""

from pydantic import BaseModel, ConfigDict, Field


class WebhookSettings(BaseModel):
    """Everything about MaintainX's webhooks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str | None = Field(default=None, repr=False, min_length=1)
    """MaintainX's signing secret, or several with commas between them; None: the inbox takes nothing."""
    forward_to: str | None = None
    """The integration's own webhook URL, ``{event}`` in it becomes the event's name; None: deliveries are kept and
    go nowhere."""
    max_bytes: int = Field(default=64 * 2**20, ge=2**16, le=2**40)
    """Bytes of all deliveries that wait or are kept; MaintainX gets 503 for one more."""
    give_up_s: float = Field(default=86400.0, gt=0, le=30 * 86400)
    """How long a delivery is tried before it is kept for a person."""
    keep_s: float = Field(default=7 * 86400.0, gt=0, le=365 * 86400)
    """How long is remembered what was delivered, by which MaintainX's duplicates are known."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many entities are forwarded at once."""
    answer_s: float = Field(default=10.0, gt=0, le=600)
    """How long the integration may take to answer; MaintainX itself waits 10 s."""
    first_wait_s: float = Field(default=1.0, gt=0, le=60)
    """The bound of the first wait after a failed delivery; it doubles with each."""
    longest_wait_s: float = Field(default=60.0, gt=0, le=3600)
    """The longest such bound, and with it how long a recovered integration waits at most."""
    poll_paths: tuple[str, ...] = ("/workorders",)
    """The collections that are asked for changes while polling is on, of ``maintainx.POLLED``."""
    poll_every_s: float = Field(default=60.0, ge=0.05, le=3600)
    """How often changes are asked for while polling is on."""
    overlap_s: float = Field(default=300.0, ge=0, le=86400)
    """How far before the watermark each round begins, for clocks that differ and rows that came late."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that a signature may be made with; the setting as a whole too, should a comma be part of it."""
        if self.secret is None:
            return ()
        parts = tuple(part for part in self.secret.split(",") if part)
        return parts if len(parts) < 2 else (*parts, self.secret)  # noqa: PLR2004 - one needs no other reading
