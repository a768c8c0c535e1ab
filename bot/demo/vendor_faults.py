"""What can be broken at MaintainX: each kind of its stand-in's faults, for any endpoint, at any strength."""

from dataclasses import replace
from typing import Any

from bot.demo.faultboard import BoardFault, Choice, Number, Switch, Undo, Values
from bot.demo.maintainx.faults import Fault
from bot.demo.statuspage import FakeStatusPage, StatusReport
from bot.demo.world import World

PATHS = ("/workorders", "/assets", "/locations", "/users", "/parts", "/purchaseorders")
PATH = Choice("path", "Endpoint", (("*", "All endpoints"), *((path, path) for path in PATHS)))
SHARE = Number("share", "Share of requests", 5, 100, 100, 5, "%")
STATES = Choice(
    "state",
    "REST API",
    (("downtime", "Down"), ("degraded", "Degraded"), ("maintenance", "Under maintenance")),
)
_REPORTS = {"manual": "Elevated API errors", "maintenance": "Database maintenance"}
KINDS = Choice("kind", "The vendor writes of", (("manual", "an incident"), ("maintenance", "a maintenance")))
MODES = Choice(
    "mode",
    "The page",
    (
        ("refused", "refuses connections"),
        ("hang", "never answers"),
        ("error", "answers 503"),
        ("html", "is no JSON"),
    ),
)


def _breaks(fault: Fault) -> Switch:
    async def switch(world: World, values: Values) -> Undo:
        hit = replace(fault, **_strength(values))

        async def undo() -> None:
            world.maintainx.heal(hit)

        world.maintainx.break_(hit)
        return undo

    return switch


def _strength(values: Values) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        match name, value:
            case "share", float():
                made["share"] = value / 100
            case "status", str() if value.startswith("html"):
                made["status"], made["html"] = int(value.removeprefix("html")), True
            case (("status" | "limit" | "retry_after"), str() | float()):
                made[name] = int(value)
            case _:
                made[name] = value
    return made


async def _page_says(world: World, values: Values) -> Undo:
    page, state = world.statuspage, str(values["state"])

    async def undo() -> None:
        page.states["REST API"] = "operational"

    page.states["REST API"] = state  # type: ignore[assignment] # one of STATES
    return undo


async def _page_reports(world: World, values: Values) -> Undo:
    page, kind = world.statuspage, str(values["kind"])
    report = StatusReport(_REPORTS[kind], report_type=kind)  # type: ignore[arg-type] # one of KINDS

    async def undo() -> None:
        page.reports.remove(report)

    page.reports.append(report)
    return undo


async def _page_broken(world: World, values: Values) -> Undo:
    page, mode = world.statuspage, str(values["mode"])

    async def undo() -> None:
        page.refuse(refused=False)
        page.mode = "json"

    _break_page(page, mode)
    return undo


def _break_page(page: FakeStatusPage, mode: str) -> None:
    if mode == "refused":
        page.refuse()
    else:
        page.mode = mode  # type: ignore[assignment] # one of MODES


async def _webhooks_stop(world: World, _values: Values) -> Undo:
    async def undo() -> None:
        world.maintainx.webhooks.stopped = False
        world.integration.failing.pop("webhooks", None)

    world.maintainx.webhooks.stopped = True
    world.integration.failing["webhooks"] = "no delivery for 30 minutes"
    return undo


def _fault(
    name: str,
    title: str,
    says: str,
    fault: Fault,
    *rules: str,
    params: tuple[Number | Choice, ...] = (PATH, SHARE),
) -> BoardFault:
    return BoardFault(name, "MaintainX", title, says, _breaks(fault), rules, params)


VENDOR: tuple[BoardFault, ...] = (
    _fault(
        "rate-limited",
        "Fewer requests allowed",
        "429 for whatever is over the limit. 0 refuses everything.",
        Fault("limited"),
        "rate-limited",
        params=(PATH, Number("limit", "Requests allowed in 12 s", 0, 30, 0, 1)),
    ),
    _fault(
        "errors",
        "Server errors",
        "5xx, as JSON or as the page of an edge in front of the API.",
        Fault("error"),
        *("platform-outage", "endpoint-errors", "intermittent-errors"),
        params=(
            PATH,
            SHARE,
            Choice(
                "status",
                "Answer",
                (
                    ("503", "503"),
                    ("500", "500"),
                    ("502", "502"),
                    ("504", "504"),
                    ("html502", "502, an HTML page"),
                ),
            ),
        ),
    ),
    _fault(
        "slow",
        "Slow",
        "Every answer takes this long to begin.",
        Fault("slow"),
        "slow",
        params=(PATH, SHARE, Number("seconds", "Delay", 0.5, 20, 3, 0.5, "s")),
    ),
    _fault("hang", "Never answers", "Takes the request and stays silent.", Fault("hang"), "network"),
    _fault("refuse", "Nothing listens", "Connections are refused.", Fault("refuse"), "network", params=()),
    _fault("reset", "Connections die", "Cut before the request is applied.", Fault("reset"), "network"),
    _fault(
        "drop",
        "Answers get lost",
        "The request is applied, then the connection dies: nobody knows what became of a write.",
        Fault("drop"),
        "network",
    ),
    _fault(
        "dribble",
        "Answers dribble",
        "Half of the body, and the rest after this pause.",
        Fault("slow_body"),
        *("slow", "network"),
        params=(PATH, SHARE, Number("seconds", "Pause", 0.5, 20, 3, 0.5, "s")),
    ),
    _fault("cut", "Answers break off", "Half of the body, then the end.", Fault("cut_body"), "network"),
    _fault(
        "gone",
        "Path removed",
        "404, as after a change of the API.",
        Fault("gone"),
        "path-changed",
        "base-url-wrong",
    ),
    _fault(
        "portal",
        "A login page instead",
        "200 with a web page: a captive portal.",
        Fault("portal"),
        "odd-answers",
    ),
    _fault(
        "odd",
        "Another shape",
        "200 with JSON that is not the promised list.",
        Fault("wrong_json"),
        "odd-answers",
    ),
    _fault(
        "garbage",
        "No JSON",
        "200 with bytes that only claim to be JSON.",
        Fault("wrong_content"),
        "odd-answers",
    ),
    _fault("redirect", "Redirects", "302 to somewhere else.", Fault("redirect"), "request-refused"),
    BoardFault(
        "webhooks-stop",
        "MaintainX",
        "Webhooks stop",
        "Nothing is delivered any more, and the integration notices.",
        _webhooks_stop,
        ("webhook-delivery",),
    ),
    BoardFault(
        "status-page", "MaintainX", "Status page", "What the vendor admits.", _page_says, (), (STATES,)
    ),
    BoardFault(
        "status-report",
        "MaintainX",
        "Status report",
        "The vendor writes about it on its page, naming the REST API.",
        _page_reports,
        (),
        (KINDS,),
    ),
    BoardFault(
        "status-page-broken",
        "MaintainX",
        "Status page unreadable",
        "A blind spot: nobody can ask the vendor's page.",
        _page_broken,
        (),
        (MODES,),
    ),
)
