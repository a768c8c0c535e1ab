"""The inbox's settings: whose signature is trusted, where deliveries go, how often changes are asked for."""

from pydantic import BaseModel, ConfigDict, Field


class WebhookSettings(BaseModel):
    """Everything about MaintainX's webhooks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str | None = Field(default=None, repr=False, min_length=1)
    """MaintainX's signing secret; None: the inbox takes nothing."""
    forward_to: str | None = None
    """The integration's own webhook URL; None: deliveries are kept and go nowhere."""
    poll_every_s: float = Field(default=60.0, ge=0.05, le=3600)
    """How often changes are asked for while polling is on."""
