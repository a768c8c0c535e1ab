"""``mx run``, ``mx undo`` and ``mx stop`` as people use them: with a terminal, and in a script without one."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.steering import RunApproved
from tests.verbs.pty_terminal import at_mx
from tests.verbs.scene import GATEWAY, VERIFY, Scene, scene
from tests.verbs.terminal import mx

KEY = "the-new-key-5d41402abc4b2a76"
PARAMS = """
[params.rate]
type = "number"
title = "Requests per second"
low = 0.5
high = 50
[params.why]
type = "choice"
title = "Why"
choices = ["disk", "vendor"]
default = "disk"
"""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        yield made


def held(step: str) -> str:
    """The step, held until somebody presses its button."""
    return step.replace('title = "See"', 'title = "See"\nask = "Watch it now"')


SLOW = GATEWAY.format(rate=2)


async def test_the_plan_alone_shows_all_of_it_and_writes_nothing(room: Scene) -> None:
    head = 'touches = "All lanes."\nundo = "The lease ends."\nwho = "approvers"\nsecond_person = true\n'
    room.playbook("mine", PARAMS, GATEWAY.format(rate='"{rate}"'), held(VERIFY), head=head)
    before = await room.facts()
    calls = len(room.gateway.calls)
    done = await mx("run", "mine", "--plan", "--param", "rate=3", env=room.env, folder=room.folder)
    assert (done.code, done.err) == (0, "")
    for line in (
        "T of mine",
        "1. Limit the gateway to 3 requests per second, for 10 minutes",
        "   undo: end this lease and no other",
        '   waits for your go before it: "Watch it now"',
        "With: rate = 3, why = disk",
        "Changes: All lanes.",
        "Taking it back: The lease ends.",
        "It begins only when a second person has approved it",
        "Who may: members of the incident's channel",
        "Nothing was done: this is the plan alone.",
    ):
        assert line in done.out
    assert await room.facts() == before
    assert all(call.startswith("GET ") for call in room.gateway.calls[calls:])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "rate: Requests per second has to be given. Write --param NAME=VALUE"),
        (("--param", "rate=900"), "does not fit; write a number from 0.5 to 50"),
        (("--param", "rate=1", "--param", "nope=1"), "nope: there is no such parameter; there is: rate, why"),
        (("--param", "rate=1", "--param", "why=x"), "write one of disk, vendor"),
        (("--param", "rate"), "'rate' has no name and value; write NAME=VALUE"),
        (("--param", "rate=1", "--param", "rate=2"), "rate is given twice"),
        (("--param", "rate=1", "--key-file", "key"), "mine takes no key; leave it out"),
        (("--param", "rate=1", "--key-file", "gone"), "reading the new key from gone: No such file"),
        (("--param", "rate=1", "--key-file", "none"), "reading the new key: none is empty"),
    ],
)
async def test_what_is_typed_wrong_is_2_and_nothing_is_done(
    room: Scene, argv: tuple[str, ...], said: str
) -> None:
    room.playbook("mine", PARAMS, GATEWAY.format(rate='"{rate}"'))
    (room.folder / "key").write_text(KEY)
    (room.folder / "none").write_text("\n")
    done = await mx("run", "mine", "--yes", *argv, env=room.env, folder=room.folder)
    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())
    assert KEY not in done.out + done.err
    assert await room.runs() == ()


async def test_a_parameter_is_asked_for_and_a_held_step_waits_for_the_go(room: Scene) -> None:
    room.playbook("mine", PARAMS, GATEWAY.format(rate='"{rate}"'), held(VERIFY))
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.answers("Requests per second (number): ", "900")
        await person.answers("write a number from 0.5 to 50", "")
        await person.answers("has to be given", "2.5")
        await person.answers("Do this? [y/N]: ", "y")
        await person.sees("1. begun: limit the gateway to 2.5 requests per second")
        await person.sees("1. done: ")
        await person.sees("mine is held before step 2 until a person gives the go:")
        await person.answers("Watch it now? [y/N]: ", "y")
        await person.sees("mine goes on.")
        await person.sees("2. done: ")
        assert await person.ended() == 0
    (run,) = await room.runs()
    assert (run.outcome, run.params["rate"], run.released) == ("done", 2.5, frozenset({1}))


async def test_held_without_a_terminal_says_how_and_the_same_command_goes_on(room: Scene) -> None:
    room.playbook("mine", SLOW, held(VERIFY))
    done = await mx("run", "mine", "--yes", env=room.env, folder=room.folder)
    assert done.code == 1
    assert 'To go on: the button "Watch it now" on the card, or `mx run mine` in a terminal.' in done.out
    assert (await room.runs())[0].held == 1, "--yes gives no go"
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.sees("mine is going already: cli:")
        await person.answers("Watch it now? [y/N]: ", "n")
        await person.sees("It stays held.")
        assert await person.ended() == 1
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.sees("Watch it now? [y/N]: ")
        stopped = await mx("stop", env=room.env, folder=room.folder)
        assert stopped.code == 0, stopped
        assert "mine ends after the step under way." in stopped.out
        assert "Not done: step 2" in stopped.out
        await person.sees("Somebody else has decided it meanwhile.")
        assert await person.ended() == 1
    none = await mx("stop", env=room.env, folder=room.folder)
    assert (none.code, "No run is under way" in none.err) == (1, True)


async def test_ctrl_c_at_a_question_is_one_press_and_says_what_stays(room: Scene) -> None:
    room.playbook("mine", SLOW, held(VERIFY))
    async with at_mx("run", "mine", "--yes", env=room.env, folder=room.folder) as person:
        await person.sees("Watch it now? [y/N]: ")
        person.presses(b"\x03")
        await person.sees("You stopped watching; what is on stays on.")
        assert await person.ended() == 1
    assert (await room.runs())[0].held == 1
    assert "Traceback" not in person.screen


async def test_a_step_that_stopped_it_is_tried_again_passed_over_or_taken_back(room: Scene) -> None:
    room.playbook("mine", VERIFY.replace('"See"', '"First"'), SLOW)
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.answers("Do this? [y/N]: ", "y")
        room.gateway.broken = 403
        await person.sees("1. ")
        await person.sees("2. failed: ")
        await person.answers("(retry/skip/undo/leave): ", "what")
        await person.answers("Type one of retry, skip, undo, leave.", "retry")
        await person.sees("Step 2 of mine is tried again")
        await person.sees("2. failed: ")
        room.gateway.broken = None
        await person.answers("(retry/skip/undo/leave): ", "l")
        await person.sees("Left as it is.")
        assert await person.ended() == 1
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.sees("had stopped: ")
        await person.answers("(retry/skip/undo/leave/anew): ", "skip")
        await person.answers("Why is it passed over? ", "")
        await person.answers("It needs a reason", "done by hand")
        await person.sees("passed over by cli:")
        assert await person.ended() == 1
    (run,) = await room.runs()
    assert (run.outcome, run.steps[1].state, "done by hand" in run.steps[1].says) == (
        "inconclusive",
        "skipped",
        True,
    )


async def test_what_a_failed_run_did_is_taken_back_from_its_question(room: Scene) -> None:
    room.playbook("mine", SLOW, held(VERIFY))
    async with at_mx("run", "mine", "--yes", env=room.env, folder=room.folder) as person:
        await person.sees("Watch it now? [y/N]: ")
        room.gateway.traffic(429, times=5)
        flood = asyncio.get_running_loop().create_future()

        async def limited() -> None:
            while not flood.done():
                room.gateway.traffic(429)
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as group:
            group.create_task(limited())
            person.presses(b"y\n")
            await person.sees("2. failed: the 429s go on")
            flood.set_result(None)
        await person.answers("(retry/skip/undo/leave): ", "undo")
        await person.sees("Undo: T of mine")
        await person.answers("Do this? [y/N]: ", "y")
        await person.sees("Mine is taken back")
        assert await person.ended() == 1
    assert room.gateway.leases == {}
    again = await mx("run", "mine", "--yes", env=room.env, folder=room.folder)
    assert "had stopped" not in again.out


async def test_without_a_terminal_a_stopped_run_says_what_to_type_and_undo_takes_its_id(room: Scene) -> None:
    room.playbook("mine", SLOW)
    room.gateway.drop_answer_of = "PUT"  # the lease is taken, its answer and every look at it are lost
    room.gateway.broken = 500
    done = await mx("run", "mine", "--yes", env=room.env, folder=room.folder)
    assert done.code == 1
    assert "Step 1 stopped it. To try it again or pass it over: `mx run mine` in a terminal" in done.err
    assert "`mx undo mine`" in done.err
    room.gateway.broken, room.gateway.drop_answer_of = None, None
    (run,) = await room.runs()
    assert (run.outcome, (await room.incident()).leases) == ("failed", ())
    plan = await mx("undo", run.id, env=room.env, folder=room.folder)
    assert plan.code == 1
    assert "Undo: T of mine" in plan.out
    assert "Nothing was done: this is no terminal to confirm in." in plan.err
    undone = await mx("undo", run.id, "--yes", env=room.env, folder=room.folder)
    assert (undone.code, "Mine is taken back" in undone.out) == (0, True)
    twice = await mx("undo", "nothing-like-it", "--yes", env=room.env, folder=room.folder)
    assert "nothing-like-it was not run for default" in twice.err


async def test_it_waits_for_the_second_person_and_says_how_long(room: Scene) -> None:
    room.playbook("mine", SLOW, head="second_person = true\n")
    async with at_mx("run", "mine", "--yes", env=room.env, folder=room.folder) as person:
        await person.sees("It waits for a second person, until ")
        await person.sees("(15 min): anybody but cli:")
        (run,) = await room.runs()
        assert run.steps == ()
        await room.write(RunApproved(run=run.id), actor="slack:U0BEN")
        await person.sees("1. done: ")
        assert await person.ended() == 0


async def test_nobody_approves_and_it_does_not_begin(room: Scene) -> None:
    room.playbook("mine", SLOW, head="second_person = true\n")
    (room.folder / "mx.toml").write_text("[bot]\napproval_s = 60\n")
    asked = e.RunRequested(run="r7", playbook="mine", fingerprint=None, second_person=True)
    async with room.timeline() as timeline:
        long_ago = SystemClock().now().replace(year=2020)
        draft = e.Draft(stream="mx-20261123-7f3a", actor="cli:me@here", at=long_ago, fact=asked)
        await timeline.append(draft)
    done = await mx("run", "mine", env=room.env, folder=room.folder)
    assert done.code == 1
    assert "nobody else approved it within" in done.out
    assert room.gateway.leases == {}


def command_lines() -> list[bytes]:
    """What any user of the machine sees of every process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes())
    return found


def traces(folder: Path, key: str) -> list[str]:
    """Every file below the folder that holds the key."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


async def test_a_key_from_a_file_leaves_no_trace_and_is_handed_over_after_the_confirmation(
    room: Scene,
) -> None:
    room.playbook("mine", SLOW, held(VERIFY), head="needs_key = true\n")
    secret = room.folder / "outside" / "key"
    secret.parent.mkdir()
    secret.write_text(f"{KEY}\n")
    secret.chmod(0o644)
    handover = room.folder / "mx.db-handover"
    argv = ("run", "mine", "--key-file", str(secret))
    async with at_mx(*argv, env=room.env, folder=room.folder) as person:
        await person.sees("can be read by other users")
        await person.answers("Do this? [y/N]: ", "n")
        assert await person.ended() == 1
    assert not handover.exists()
    async with at_mx(*argv, env=room.env, folder=room.folder) as person:
        await person.answers("Do this? [y/N]: ", "y")
        await person.sees("Watch it now? [y/N]: ")
        (given,) = handover.iterdir()
        assert given.read_text() == KEY, "its newline is not part of it"
        assert stat.S_IMODE(given.stat().st_mode) == 0o600
        assert not any(KEY.encode() in line for line in command_lines())
        person.presses(b"y\n")
        assert await person.ended() == 0
    assert KEY not in person.screen
    secret.unlink()
    assert traces(room.folder, KEY) == []
    assert list(handover.iterdir()) == []


async def test_a_key_on_standard_input_is_confirmed_at_the_terminal_or_with_yes(room: Scene) -> None:
    room.playbook("mine", SLOW, head="needs_key = true\n")
    argv = ("run", "mine", "--key-file", "-")
    async with at_mx(*argv, env=room.env, folder=room.folder, piped=f"{KEY}\r\n".encode()) as person:
        await person.answers("Do this? [y/N]: ", "y")
        assert await person.ended() == 0
    assert KEY not in person.screen
    without = await mx("run", "mine", "--yes", env=room.env, folder=room.folder)
    assert (without.code, "mine needs the new API key" in without.err) == (1, True)
    empty = await mx(*argv, "--yes", env=room.env, folder=room.folder)
    assert (empty.code, "standard input is empty" in empty.err.replace("\n", " ")) == (2, True)
    assert traces(room.folder, KEY) == []


async def test_a_key_typed_at_the_terminal_is_not_shown(room: Scene) -> None:
    room.playbook("mine", SLOW, head="needs_key = true\n")
    async with at_mx("run", "mine", "--key-file", "-", "--yes", env=room.env, folder=room.folder) as person:
        await person.answers("The new API key (it is not shown): ", KEY)
        assert await person.ended() == 0
    assert KEY not in person.screen


async def test_a_run_that_is_refused_after_the_hand_over_leaves_no_key(room: Scene) -> None:
    room.playbook("mine", SLOW, head="needs_key = true\n")
    (room.folder / "key").write_text(KEY)
    argv = ("run", "mine", "--key-file", "key")
    async with at_mx(*argv, env=room.env, folder=room.folder) as person:
        await person.sees("Do this? [y/N]: ")
        await room.write(e.Resolved(reason="over"), actor="slack:U0BEN")
        person.presses(b"y\n")
        await person.sees("There is no open incident for default")
        assert await person.ended() == 1
    assert list((room.folder / "mx.db-handover").iterdir()) == []


async def test_a_plan_that_changes_before_its_confirmation_is_shown_again(room: Scene) -> None:
    room.playbook("mine", SLOW)
    room.playbook("other", SLOW)
    async with at_mx("run", "mine", env=room.env, folder=room.folder) as person:
        await person.sees("Do this? [y/N]: ")
        done = await mx("run", "other", "--yes", env=room.env, folder=room.folder)
        assert done.code == 0, done
        person.presses(b"y\n")
        await person.sees("The plan of mine has changed since it was shown")
        await person.sees("T of mine")
        await person.answers("Do this? [y/N]: ", "y")
        assert await person.ended() == 0
