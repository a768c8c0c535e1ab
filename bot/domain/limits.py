"""What is left of MaintainX's limits, as the gateway counts it. Pure."""

from bot.domain.view import View


class Limits(View):
    """Requests left in the window, of the user and of the organisation."""

    of = "budget"

    left: float
    limit: float
    window_s: float = 60.0
    organisation_left: float | None = None
    organisation_limit: float | None = None
