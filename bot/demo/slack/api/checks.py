"""blocks.validate: Slack's own check of blocks, a view or a message; it needs no token."""

from bot.demo.slack.api.call import Answer, ApiError, Call
from bot.demo.slack.blockkit import blocks_chars, blocks_faults, home_faults, view_faults
from bot.demo.slack.rates import Rates
from bot.demo.slack.schema import Fault


def blocks_validate(call: Call, _rates: Rates) -> Answer:
    """blocks.validate, of exactly one of blocks, view and message."""
    given = [name for name in ("blocks", "view", "message") if call.args.get(name) not in (None, "")]
    if len(given) != 1:
        raise ApiError("invalid_arguments", "[ERROR] provide exactly one of blocks, view, message")
    what = given[0]
    value = call.json(what, "invalid_arguments")
    match what:
        case "view":
            home = isinstance(value, dict) and value.get("type") == "home"
            faults = home_faults(value, at="") if home else view_faults(value, at="")
        case "message":
            blocks = value.get("blocks", []) if isinstance(value, dict) else value
            faults = blocks_faults(blocks) + _length(call, blocks)
        case _:
            faults = blocks_faults(value, at="") + _length(call, value)
    if faults:
        raise ApiError(f"invalid_{what}", errors=[fault.as_json() for fault in faults])
    return {}


def _length(call: Call, blocks: object) -> list[Fault]:
    most = call.state.limits.blocks_chars
    if blocks_chars(blocks) <= most:
        return []
    return [
        Fault("msg_blocks_too_long", f"must be less than {most + 1} characters together", "", f"max:{most}")
    ]
