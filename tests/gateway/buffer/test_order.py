"""Whatever happens in whatever order: nothing is lost, nothing is done twice, and each entity keeps its order."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.buffer.model import (
    ENTITIES,
    Accept,
    Act,
    Answer,
    Crash,
    Decide,
    Disk,
    Hold,
    Model,
    Pass,
    Step,
)

SMALL = st.integers(0, 5)
KINDS = ("change", "change", "change", "comment", "create", "twin", "own", "asset", "delete")
OUTCOMES = (
    *("ok", "ok", "ok", "lost after", "lost after", "lost before", "500", "500 after"),
    *("refused", "401", "429", "not connected", "cut"),
)
ACCEPTS = st.builds(Accept, st.sampled_from(KINDS), st.integers(0, ENTITIES - 1))
ANSWERS = st.builds(Answer, SMALL, st.sampled_from(OUTCOMES))
STEPS: st.SearchStrategy[Step] = st.one_of(
    ACCEPTS,
    ACCEPTS,
    ANSWERS,
    ANSWERS,
    ANSWERS,
    st.builds(Pass, st.sampled_from((0.1, 1.0, 20.0, 61.0))),
    st.builds(Act, st.sampled_from(("start", "start", "resume", "pause", "cancel"))),
    st.builds(Hold, st.booleans()),
    st.builds(Decide, SMALL, st.sampled_from(("resend", "arrived", "drop"))),
    st.builds(Disk, st.booleans()),
    st.builds(Crash, st.booleans()),
)
# Most of what can go wrong goes wrong in a replay that is under way.
BEGIN: list[Step] = [Hold(True), *(Accept("change", n % 2) for n in range(4)), Hold(False), Act("start")]


def play(steps: list[Step]) -> Model:
    async def run() -> Model:
        with tempfile.TemporaryDirectory() as folder:
            model = Model(Path(folder))
            async with asyncio.timeout(60):
                await model.play(steps)
            return model

    return asyncio.run(run())


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=40), st.booleans())
def test_nothing_is_lost_doubled_or_out_of_order_whatever_happens(steps: list[Step], begun: bool) -> None:
    play([*(BEGIN if begun else []), *steps])


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ACCEPTS, max_size=12), st.integers(0, ENTITIES - 1))
def test_an_entity_that_always_fails_holds_up_itself_alone(accepts: list[Accept], failing: int) -> None:
    steps: list[Step] = [Hold(True), Accept("change", failing), *accepts, Accept("change", failing)]

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            model = Model(Path(folder))
            left = await model.left_over([*steps, Hold(False), Act("start")], failing=failing)
            assert left == {f"workorders/{model.orders[failing]}"}

    asyncio.run(run())
