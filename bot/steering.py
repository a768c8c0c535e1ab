"""What people say to runs: approve, decline, stop, go on, retry, skip, keep on; each ends in one append, or in a refusal that says who can."""

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo

from bot.deciding import Deciding, Done, Move, on, open_in
from bot.domain import events as e
from bot.domain.book import Book
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.domain.steering import Resume, RunApproved, RunDeclined, RunResumed, RunsStopped, StepReleased
from bot.domain.telling import hour
from bot.errors import Refused
from bot.planning import extend_order, remembered
from bot.playbook import Playbook
from bot.ports import Clock
from bot.run_rules import refuse_stale
from bot.timeline import Timeline


class Steering:
    """Asks; the runner follows. All methods raise Refused, Conflict or StoreError.

    ``key`` is the id of the delivery that asks: asked twice with one key, it happens once.
    """

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        playbooks: Mapping[str, Playbook],
        new_id: Callable[[], str],
        zone: tzinfo = UTC,
    ) -> None:
        self._deciding = Deciding(timeline, clock)
        self._playbooks = playbooks
        self._new_id = new_id
        self._zone = zone

    async def approve(
        self, integration: str, wanted: str = "", *, actor: str, key: str | None = None
    ) -> Done:
        """Agree to a run that waits for a second person; never one's own."""

        def decide(book: Book) -> Move:
            found, run = self._unapproved(book, integration, wanted)
            if actor == run.requested_by:
                raise Refused(
                    f"You asked for {run.playbook} yourself, so somebody else has to approve it: /mx approve"
                )
            if not actor.startswith("slack:"):
                raise Refused(
                    "A terminal does not count as the second person: whoever started the run may sit at it. "
                    "Approve it in Slack: /mx approve"
                )
            return on(found, RunApproved(run=run.id), says=f"You approved {run.playbook}; it starts now.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def decline(
        self, integration: str, wanted: str = "", *, reason: str, actor: str, key: str | None = None
    ) -> Done:
        """Refuse a run that waits for a second person; its requester may, too."""

        def decide(book: Book) -> Move:
            found, run = self._unapproved(book, integration, wanted)
            fact = RunDeclined(run=run.id, reason=reason.strip() or "no reason given")
            return on(found, fact, says=f"{run.playbook} does not begin.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def stop(self, *, actor: str, key: str | None = None) -> tuple[Done, ...]:
        """Stop every run of every incident after the step that is under way. Refused where none is going."""
        done: list[Done] = []

        def decide(book: Book) -> Move:
            told = {one.incident for one in done}
            found = next(
                (
                    one
                    for one in book.running()
                    if one.id not in told and any(run.stopped_by is None for run in one.live_runs)
                ),
                None,
            )
            if found is None:
                raise Refused("No run is under way, so there is nothing to stop. What is on: /mx status")
            halted = tuple(run for run in found.live_runs if run.stopped_by is None)
            says = f"{found.id}: {_named(halted)} {'ends' if len(halted) == 1 else 'end'} after the step under way."
            return on(found, RunsStopped(runs=tuple(run.id for run in halted)), says=says)

        while True:
            try:
                named = f"{key}:{len(done)}" if key else None
                done.append(await self._deciding.do(decide, "", actor=actor, key=named))
            except Refused:
                if not done:
                    raise
                return tuple(done)

    async def resume(
        self,
        integration: str,
        run_id: str,
        action: Resume,
        *,
        actor: str,
        reason: str = "",
        key: str | None = None,
    ) -> Done:
        """Go on with a run that a step has stopped: try that step again, or pass it over with a reason."""
        if action == "skip" and not reason.strip():
            raise Refused("Passing a step over needs a reason: it stands in the report.")

        def decide(book: Book) -> Move:
            found, run = self._run(book, integration, run_id)
            index = run.stuck
            if index is None:
                state = "is going" if run.live else f"ended ({run.outcome})"
                raise Refused(f"{run.playbook} {state}, and no step of it waits for your word. See the card.")
            later = next(
                (one for one in found.runs if one.undoes == run.id and one.mode == "undo"), None
            ) or next(
                (
                    one
                    for one in found.runs
                    if one.playbook == run.playbook and one.requested_at > run.requested_at
                ),
                None,
            )
            if later is not None:
                doing = "took it back" if later.undoes == run.id else "ran it again"
                raise Refused(
                    f"{later.requested_by} {doing} at {hour(later.requested_at, self._zone)}, so this run does not "
                    f"go on. To start it anew: /mx run {run.playbook}"
                )
            fact = RunResumed(run=run.id, index=index, action=action, reason=reason.strip())
            word = "tried again" if action == "retry" else "passed over"
            return on(found, fact, says=f"Step {index + 1} of {run.playbook} is {word}; the card shows it.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def release(
        self, integration: str, run_id: str, index: int, *, actor: str, key: str | None = None
    ) -> Done:
        """Give the go for the step before which a run is held."""

        def decide(book: Book) -> Move:
            found, run = self._run(book, integration, run_id)
            if run.held != index:
                state = f"ended ({run.outcome})" if not run.live else "does not wait before that step"
                raise Refused(f"{run.playbook} {state}, so nothing was done. See the card.")
            return on(found, StepReleased(run=run.id, index=index), says=f"{run.playbook} goes on.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def extend(
        self,
        integration: str,
        run_id: str,
        *,
        actor: str,
        fingerprint: str | None = None,
        key: str | None = None,
    ) -> Done:
        """Keep on for longer what a run switched on: its leases begin their time anew, and stay its owner's."""

        def decide(book: Book) -> Move:
            found, run = self._run(book, integration, run_id)
            if not extend_order(run, found):
                raise Refused(f"Nothing of {run.playbook} is on any more, so there is nothing to keep on.")
            if going := next((one for one in found.live_runs if one.undoes == run.id), None):
                doing = "takes it back" if going.mode == "undo" else "keeps it on already"
                raise Refused(f"{going.requested_by} {doing}. See the card.")
            chosen = self._playbooks.get(run.playbook) or remembered(run)
            refuse_stale(fingerprint, chosen, found, mode="extend", undoes=run.id)
            fact = e.RunRequested(
                run=self._new_id(),
                playbook=run.playbook,
                mode="extend",
                undoes=run.id,
                fingerprint=fingerprint,
            )
            return on(found, fact, says=f"{run.playbook} is kept on; the card shows until when.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    def _run(self, book: Book, integration: str, run_id: str) -> tuple[Incident, Run]:
        found = open_in(book, integration)
        run = found.run(run_id) or next(
            (one for one in reversed(found.runs) if one.playbook == run_id and one.mode == "apply"), None
        )
        if run is None:
            raise Refused(f"{run_id} was not run in {found.id}. What is on: /mx status")
        return found, run

    def _unapproved(self, book: Book, integration: str, wanted: str) -> tuple[Incident, Run]:
        found = open_in(book, integration)
        waiting = [run for run in found.live_runs if run.unapproved and wanted in ("", run.id, run.playbook)]
        if not waiting:
            about = f"{wanted} does not wait" if wanted else f"Nothing in {found.id} waits"
            raise Refused(f"{about} for approval.")
        if len(waiting) > 1:
            raise Refused(f"Which one? Waiting: {_named(waiting)}. Type /mx approve NAME.")
        return found, waiting[0]


def _named(runs: tuple[Run, ...] | list[Run]) -> str:
    return " and ".join(f"{'the undo of ' if run.mode == 'undo' else ''}{run.playbook}" for run in runs)
