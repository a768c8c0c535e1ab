"""A playbook's parameters: what a person typed becomes a value of its type, or a sentence that says what to write."""

import pytest
from pydantic import JsonValue

from bot.errors import Refused
from bot.playbook_params import TYPES, Param, read, reference, references, sample, wrong

RATE = Param(name="rate", type="number", title="Requests per second", default=1.0, low=0.1, high=100)
JOB = Param(name="job", type="text", title="Which job")
MODE = Param(name="mode", type="choice", title="How", default="on", choices=("on", "auto"))
SINCE = Param(name="since", type="time", title="Since when", default="2026-11-23T02:00:00+00:00")
COUNT = Param(name="count", type="whole", title="How many", default=3, low=1)
LOUD = Param(name="loud", type="yes-no", title="Loud", default=False)


@pytest.mark.parametrize(
    ("param", "typed", "value"),
    [
        (RATE, "2.5", 2.5),
        (RATE, " 2 ", 2),
        (RATE, "", 1.0),
        (RATE, None, 1.0),
        (JOB, "asset-sync", "asset-sync"),
        (MODE, "auto", "auto"),
        (COUNT, "7", 7),
        (LOUD, "yes", True),
        (LOUD, "No", False),
        (LOUD, True, True),
        (SINCE, "2026-11-23T02:40Z", "2026-11-23T02:40:00+00:00"),
        (SINCE, "2026-11-23 02:40", "2026-11-23T02:40:00+00:00"),
    ],
)
def test_what_was_typed_is_read_as_its_type(param: Param, typed: JsonValue, value: JsonValue) -> None:
    assert read((param,), {param.name: typed}) == {param.name: value}
    assert wrong((param,), {param.name: typed}) == {}


@pytest.mark.parametrize(
    ("param", "typed", "fault"),
    [
        (RATE, "fast", "'fast' does not fit; write a number from 0.1 to 100"),
        (RATE, "1000", "1000.0 does not fit; write a number from 0.1 to 100"),
        (RATE, "nan", "nan does not fit; write a number from 0.1 to 100"),
        (RATE, "1e999", "inf does not fit; write a number from 0.1 to 100"),
        (JOB, "", "Which job has to be given"),
        (MODE, "off", "'off' does not fit; write one of on, auto"),
        (COUNT, "2.5", "2.5 does not fit; write a whole number"),
        (COUNT, "0", "0 does not fit; write a number from 1"),
        (LOUD, "maybe", "'maybe' does not fit; write yes or no"),
        (SINCE, "yesterday", "'yesterday' does not fit; write a time such as 2026-11-23T02:40Z"),
    ],
)
def test_what_does_not_fit_is_told_with_what_to_write(param: Param, typed: str, fault: str) -> None:
    assert wrong((param,), {param.name: typed}) == {param.name: fault}
    with pytest.raises(Refused) as refused:
        read((param,), {param.name: typed})
    assert str(refused.value) == f"{param.name}: {fault}"


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        read((RATE, JOB), {"rate": "x", "speed": "1"})
    assert str(refused.value) == (
        "speed: there is no such parameter; there is: rate, job; rate: 'x' does not fit; write a number from 0.1 to "
        "100; job: Which job has to be given"
    )


def test_a_parameter_that_stands_alone_keeps_its_type() -> None:
    given: dict[str, JsonValue] = {"rate": 2.5, "job": "a"}
    value: JsonValue = {"x": "{rate}", "y": ["job {job} at {rate}", 1, None], "z": "{other} {}"}
    assert reference(value, given) == {"x": 2.5, "y": ["job a at 2.5", 1, None], "z": "{other} {}"}
    assert list(references(value)) == ["rate", "job", "rate", "other"]


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_a_sample_that_fits_it(kind: str) -> None:
    table = {"type": kind, "choices": ["a", "b"]}
    assert TYPES[kind].wrong(sample(table), table) is None
