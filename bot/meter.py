"""What this process counts of its own work, for whoever runs it: plain figures, handed to whoever counts into them."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Literal, NamedTuple, Protocol

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram", "summary"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The upper bounds of durations, in seconds; a probe's own deadline is the last."""


class Sample(NamedTuple):
    """One line of an exposition: what is behind the family's name, the labels by name, the value."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Family(Protocol):
    """Figures of one name, as Prometheus groups them."""

    @property
    def name(self) -> str:
        """The name; a counter's ends in ``_total``."""
        ...

    @property
    def kind(self) -> Kind:
        """How Prometheus is to read it."""
        ...

    @property
    def says(self) -> str:
        """One sentence of help."""
        ...

    @property
    def labels(self) -> Labels:
        """The names of its labels."""
        ...

    def samples(self) -> Iterator[Sample]:
        """Every figure, in a fixed order."""
        ...


class Figure:
    """A figure for each combination of its labels' values: a counter, or a gauge that is set to what is now.

    A label must have few values: an integration's name is none, since there may be a thousand of them.
    """

    def __init__(
        self, name: str, says: str, *labels: str, kind: Literal["counter", "gauge"] = "counter"
    ) -> None:
        self.name = name
        self.kind: Kind = kind
        self.says = says
        self.labels = labels
        # A gauge that nobody has set says nothing; a counter without labels has counted nothing yet.
        self._values: dict[Labels, float] = {} if labels or kind == "gauge" else {(): 0.0}

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count one more, or ``by`` more, of what has these labels."""
        key = _checked(self, values)
        self._values[key] = self._values.get(key, 0.0) + by

    def set(self, value: float, *values: str) -> None:
        """Say how much there is now of what has these labels."""
        self._values[_checked(self, values)] = value

    def value(self, *values: str) -> float:
        """What stands there; 0 where nothing was counted."""
        return self._values.get(_checked(self, values), 0.0)

    def samples(self) -> Iterator[Sample]:
        for key, value in sorted(self._values.items()):
            yield Sample("", dict(zip(self.labels, key, strict=True)), value)


class Durations:
    """How long something took: a histogram for each combination of its labels' values, in seconds.

    Without bounds it is a summary: how many, and how many seconds in all.
    """

    def __init__(self, name: str, says: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> None:
        self.name = name
        self.kind: Kind = "histogram" if bounds else "summary"
        self.says = says
        self.labels = labels
        self._bounds = bounds
        self._places: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def note(self, seconds: float, *values: str) -> None:
        """It took this long."""
        key = _checked(self, values)
        places = self._places.setdefault(key, [0] * (len(self._bounds) + 1))
        places[bisect_left(self._bounds, seconds)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + seconds

    def samples(self) -> Iterator[Sample]:
        words = (*(f"{bound:g}" for bound in self._bounds), "+Inf")
        for key, places in sorted(self._places.items()):
            labels = dict(zip(self.labels, key, strict=True))
            for bound, count in zip(words, accumulate(places), strict=True) if self._bounds else ():
                yield Sample("_bucket", {**labels, "le": bound}, count)
            yield Sample("_sum", labels, self._sums[key])
            yield Sample("_count", labels, sum(places))


class Meter:
    """Everything that a process counts. It begins at 0 with the process, as Prometheus expects of counters."""

    def __init__(self) -> None:
        self.probes = Figure(
            "mx_probe_readings_total", "Answers of probes, of all integrations.", "probe", "status"
        )
        self.probe_seconds = Durations("mx_probe_seconds", "How long a probe took for its reading.", "probe")
        self.assessments = Figure(
            "mx_assessments_total",
            "Assessments by verdict and severity; healthy ones have the severity none.",
            "verdict",
            "severity",
        )
        self.rounds = Figure("mx_monitor_rounds_total", "The monitor's rounds by what came out.", "outcome")
        self.rounds_late = Figure(
            "mx_monitor_rounds_late_total", "The monitor's rounds that took longer than their interval."
        )
        self.rounds_overdue = Figure(
            "mx_monitor_rounds_overdue",
            "Integrations whose round should have ended by now.",
            kind="gauge",
        )
        self.pages = Figure(
            "mx_pages_total",
            "Calls to pagers by level of escalation, what was asked, and outcome.",
            "level",
            "action",
            "outcome",
        )
        self.pager_news = Figure(
            "mx_pager_webhooks_total", "What pagers sent to /pagerduty/webhook, by outcome.", "outcome"
        )
        self.pings = Figure(
            "mx_dead_mans_switch_pings_total", "Pings of the dead-man's switch by outcome.", "outcome"
        )
        self.posts = Figure("mx_posts_total", "Queued posts to Slack by outcome.", "outcome")
        self.posts_waiting = Figure(
            "mx_posts_waiting", "Posts that wait for Slack to take them.", kind="gauge"
        )
        self.slack_calls = Figure(
            "mx_slack_calls_total", "Calls to Slack by method and outcome.", "method", "outcome"
        )
        self.gateway_up = Figure(
            "mx_gateway_up", "1 where the gateway answered when the leader last asked it.", kind="gauge"
        )
        self.gateway_seen = Figure(
            "mx_gateway_seen_timestamp_seconds", "When the gateway last answered, in Unix time.", kind="gauge"
        )

    def families(self) -> tuple[Family, ...]:
        """All of them, in the order in which they are declared."""
        return tuple(one for one in vars(self).values() if isinstance(one, Figure | Durations))


def _checked(family: Figure | Durations, values: Labels) -> Labels:
    if len(values) != len(family.labels):
        raise ValueError(f"{family.name} takes the labels {family.labels}, not {values}")
    return values
