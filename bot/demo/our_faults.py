"""What can be broken on our own side: the key and the integration."""

from bot.demo.faultboard import BoardFault, Choice, Number, Undo, Values
from bot.demo.maintainx.faults import Fault
from bot.demo.world import World

KEYS = Choice(
    "how",
    "The file holds",
    (
        ("newline", "the key and a newline"),
        ("quoted", "the key in quotes"),
        ("smart", "the key in typographic quotes"),
        ("empty", "nothing"),
    ),
)
SHAPES = Choice(
    "shape",
    "The health page",
    (
        ("broken", "answers 500"),
        ("silent", "never answers"),
        ("refused", "refuses connections"),
        ("text", "is plain text"),
        ("html", "is a web page"),
        ("metrics", "names no checks"),
    ),
)
CHECKS = Choice(
    "check",
    "Failing check",
    (("db", "its database"), ("queue", "its queue"), ("disk", "its disk")),
)


async def _key_revoked(world: World, _values: Values) -> Undo:
    key = world.key_file.read_text("utf-8").strip()

    async def undo() -> None:
        world.maintainx.add_key(key)

    world.maintainx.revoke_key(key)
    return undo


async def _key_forbidden(world: World, values: Values) -> Undo:
    fault = Fault("forbidden", path=str(values["path"]))

    async def undo() -> None:
        world.maintainx.heal(fault)

    world.maintainx.break_(fault)
    return undo


async def _key_file(world: World, values: Values) -> Undo:
    was = world.key_file.read_text("utf-8")
    texts = {"newline": f"{was}\n", "quoted": f'"{was}"', "smart": f"\u201c{was}\u201d", "empty": ""}
    text = texts[str(values["how"])]

    async def undo() -> None:
        if world.key_file.read_text("utf-8") == text:  # else somebody has rotated the key meanwhile
            world.key_file.write_text(was, "utf-8")

    world.key_file.write_text(text, "utf-8")
    return undo


async def _storm(world: World, values: Values) -> Undo:
    rate = values["rate"]
    assert isinstance(rate, float)

    async def undo() -> None:
        world.integration.end_storm()

    world.integration.start_storm(rate)
    return undo


async def _health(world: World, values: Values) -> Undo:
    shape = str(values["shape"])

    async def undo() -> None:
        world.integration.shape = "checks"
        world.integration.refuse(refused=False)

    if shape == "refused":
        world.integration.refuse()
    else:
        world.integration.shape = shape  # type: ignore[assignment] # one of SHAPES
    return undo


async def _check(world: World, values: Values) -> Undo:
    name = str(values["check"])

    async def undo() -> None:
        world.integration.failing.pop(name, None)

    world.integration.failing[name] = "error: not reachable"
    return undo


async def _slow_health(world: World, values: Values) -> Undo:
    seconds = values["seconds"]
    assert isinstance(seconds, float)

    async def undo() -> None:
        world.integration.health_delay_s = 0.0

    world.integration.health_delay_s = seconds
    return undo


async def _stuck(world: World, _values: Values) -> Undo:
    async def undo() -> None:
        world.integration.notes_syncs = True
        world.integration.failing.pop("sync", None)

    world.integration.notes_syncs = False
    world.integration.failing["sync"] = "behind by 42 minutes"
    return undo


async def _receiver(world: World, _values: Values) -> Undo:
    async def undo() -> None:
        world.integration.webhooks.status = 200
        world.integration.failing.pop("webhooks", None)

    world.integration.webhooks.status = 500
    world.integration.failing["webhooks"] = "error: receiver fails"
    return undo


OURS: tuple[BoardFault, ...] = (
    BoardFault(
        "storm",
        "The integration",
        "A job goes wild",
        "Somebody starts a full asset re-sync in the middle of the day: more than MaintainX allows.",
        _storm,
        ("rate-limited",),
        (Number("rate", "Calls", 1, 10, 4, 0.5, "per second"),),
    ),
    BoardFault(
        "health",
        "The integration",
        "Health page broken",
        "The service is down, hangs, or says nothing of use.",
        _health,
        ("service-down",),
        (SHAPES,),
        lambda world: not world.integration.shows_itself,
    ),
    BoardFault(
        "degraded",
        "The integration",
        "A check fails",
        "The service says itself that something in it is broken.",
        _check,
        ("service-degraded",),
        (CHECKS,),
    ),
    BoardFault(
        "slow-health",
        "The integration",
        "Health page slow",
        "The service is busy: its own page takes this long.",
        _slow_health,
        ("service-slow",),
        (Number("seconds", "Delay", 0.5, 6, 4, 0.5, "s"),),
    ),
    BoardFault(
        "sync-stuck",
        "The integration",
        "Sync stuck",
        "Its syncs no longer come to their end, and it says so.",
        _stuck,
        ("sync-gap",),
    ),
    BoardFault(
        "receiver",
        "The integration",
        "Webhook receiver fails",
        "What MaintainX tells is answered with 500.",
        _receiver,
        ("webhook-delivery",),
    ),
    BoardFault(
        "key-revoked",
        "The key",
        "Revoked",
        "401 everywhere: somebody took the key away.",
        _key_revoked,
        ("key-rejected",),
    ),
    BoardFault(
        "key-forbidden",
        "The key",
        "Too few rights",
        "403: the role of the key's user changed.",
        _key_forbidden,
        ("key-forbidden",),
        (
            Choice(
                "path",
                "Endpoint",
                (("*", "All endpoints"), ("/workorders", "/workorders"), ("/assets", "/assets")),
            ),
        ),
    ),
    BoardFault(
        "key-file",
        "The key",
        "Key file damaged",
        "Somebody edited the file that holds the key.",
        _key_file,
        ("key-odd", "key-rejected", "key-unsendable", "key-missing"),
        (KEYS,),
    ),
)
