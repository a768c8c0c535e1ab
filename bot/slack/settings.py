"""What the Slack edge needs to know: tokens, the signing secret, and where Slack's API is."""

from dataclasses import dataclass, field

DEFAULT_API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """One Slack app in one workspace. At least one of ``signing_secret`` (HTTP) and ``app_token`` (Socket Mode) is set."""

    bot_token: str = field(repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    app_token: str | None = field(default=None, repr=False)
    """Set: deliveries come over Socket Mode and no public address is needed."""
    api_url: str = DEFAULT_API_URL
    """Ends with a slash; another address than Slack's only for a stand-in."""
