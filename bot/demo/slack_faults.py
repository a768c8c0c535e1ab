"""How Slack can misbehave: lost, repeated and late deliveries, an API that is away."""

from bot.demo.faultboard import BoardFault, Choice, Number, Undo, Values
from bot.demo.world import World

CALLS = Choice(
    "method", "Calls", (("*", "everything"), ("chat.postMessage", "new messages"), ("chat.update", "edits"))
)
_MANY = 1_000_000


async def _slack_loses(world: World, values: Values) -> Undo:
    mischief = world.slack.mischief

    async def undo() -> None:
        mischief.lose = mischief.lose_events = 0

    mischief.lose = mischief.lose_events = int(values["count"])
    return undo


async def _slack_repeats(world: World, values: Values) -> Undo:
    mischief = world.slack.mischief

    async def undo() -> None:
        mischief.repeat = 0

    mischief.repeat = int(values["copies"])
    return undo


async def _slack_late(world: World, values: Values) -> Undo:
    mischief, seconds = world.slack.mischief, values["seconds"]
    assert isinstance(seconds, float)

    async def undo() -> None:
        mischief.delay_s = 0.0

    mischief.delay_s = seconds
    return undo


async def _slack_breaks(world: World, values: Values) -> Undo:
    mischief = world.slack.mischief

    async def undo() -> None:
        mischief.faults.clear()

    mischief.answer(str(values["method"]), 503, times=_MANY)
    return undo


async def _slack_down(world: World, _values: Values) -> Undo:
    async def undo() -> None:
        world.slack.down = False

    world.slack.down = True
    return undo


async def _sockets(world: World, _values: Values) -> Undo:
    async def undo() -> None:
        pass  # the bot connects again by itself

    world.slack.drop_sockets()
    return undo


SLACK: tuple[BoardFault, ...] = (
    BoardFault(
        "slack-loses",
        "Slack",
        "Deliveries get lost",
        "So many of the next clicks, commands and events never reach the bot.",
        _slack_loses,
        (),
        (Number("count", "Deliveries", 1, 20, 3, 1),),
    ),
    BoardFault(
        "slack-repeats",
        "Slack",
        "Deliveries come again",
        "Every delivery arrives this many times more.",
        _slack_repeats,
        (),
        (Number("copies", "Copies", 1, 5, 1, 1),),
    ),
    BoardFault(
        "slack-late",
        "Slack",
        "Deliveries are late",
        "Every delivery arrives this late, while the person's three seconds run.",
        _slack_late,
        (),
        (Number("seconds", "Delay", 0.5, 5, 2, 0.5, "s"),),
    ),
    BoardFault(
        "slack-errors",
        "Slack",
        "The API answers 503",
        "What the bot asks of Slack is refused.",
        _slack_breaks,
        (),
        (CALLS,),
    ),
    BoardFault(
        "slack-down", "Slack", "Slack is away", "Everything the bot asks of Slack is cut off.", _slack_down
    ),
    BoardFault(
        "slack-sockets", "Slack", "Sockets cut", "The bot's Socket Mode connections die once.", _sockets
    ),
)
