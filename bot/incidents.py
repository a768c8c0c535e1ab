"""What may be done in an incident, and what is answered: each request ends in one append, or in a refusal."""

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, tzinfo

from pydantic import JsonValue

from bot.deciding import Done, Move, on, open_in, open_or_latest, worded
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.fact import Address
from bot.domain.order import ReplayAsked
from bot.domain.showing import CardPosted, ReportRequested
from bot.domain.words import sentence
from bot.ending import Ending
from bot.errors import Refused
from bot.planning import remembered
from bot.playbook import Playbook
from bot.playbook_params import read
from bot.ports import Clock
from bot.run_rules import refuse_stale, refuse_twice, refuse_undo, run_to_undo
from bot.taking import NEVER, Taking
from bot.timeline import Timeline

_NO_PARAMS: Mapping[str, JsonValue] = {}

_WORDLESS = (
    e.TriageRequested,
    e.Acknowledged,
    e.RunRequested,
    ReportRequested,
    CardPosted,
    ReplayAsked,
)


class Incidents(Taking, Ending):
    """Every change a person can ask for; who has it and how it ends are inherited. All methods raise Refused, Conflict or StoreError.

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
        lapses: timedelta = NEVER,
    ) -> None:
        Taking.__init__(self, timeline, clock, zone=zone, lapses=lapses)
        Ending.__init__(self, timeline, clock, new_id=new_id, zone=zone)
        self._playbooks = playbooks

    async def request_triage(
        self,
        integration: str,
        *,
        actor: str,
        address: Address | None = None,
        samples: int = 3,
        key: str | None = None,
    ) -> Done:
        """Ask for a triage; its follower answers at ``address``."""
        fact = e.TriageRequested(
            request=self._new_id(), integration=integration, samples=samples, address=address or Address()
        )

        def decide(book: Book) -> Move:
            found = book.open_incident(integration)
            return Move(
                says=f"Asking both sides of {integration} now; the answer follows in a few seconds.",
                incident=found.id if found else None,
                fact=fact,
                stream=found.id if found else e.desk(integration),
            )

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def set_severity(
        self, integration: str, severity: Severity, *, reason: str, actor: str, key: str | None = None
    ) -> Done:
        """Override the severity; it stands until a person changes it."""
        why = worded(reason, example=f"/mx severity {severity.number} only one site is affected")

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            was = f"; it was {found.severity}" if found.severity and found.severity != severity else ""
            says = f"{found.id} is {severity} from here, by your word{was}. It stays so until a person changes it."
            return on(found, e.SeveritySet(severity=severity, reason=why), says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def note(self, integration: str, text: str, *, actor: str, key: str | None = None) -> Done:
        """A person's words for the timeline."""
        words = worded(text, example="/mx note the vendor confirmed it on the phone")

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            return on(found, e.NoteAdded(text=words), says=f"Noted in {found.id}.", binding=False)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def request_run(
        self,
        integration: str,
        playbook: str,
        *,
        actor: str,
        address: Address | None = None,
        fingerprint: str | None = None,
        params: Mapping[str, JsonValue] = _NO_PARAMS,
        ticket: str | None = None,
        key: str | None = None,
    ) -> Done:
        """Start a playbook; ``fingerprint`` is of the plan that the actor saw, None where none was shown.

        Raises Stale where the plan has changed, Refused where it runs or is on already, with who was first, and where
        a parameter or the new key that it needs (``ticket``: where that is handed over) is missing or does not fit.
        """
        chosen = self._playbooks.get(playbook)
        if chosen is None:
            raise Refused(f"There is no playbook {playbook}. There is: {', '.join(sorted(self._playbooks))}.")
        values = read(chosen.params, params)
        if chosen.needs_key and ticket is None:
            raise Refused(
                f"{chosen.name} needs the new key: give it in the dialog of its button, or with "
                f"mx run {chosen.name} --key-file FILE"
            )

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            refuse_twice(found, chosen.name, zone=self._zone)
            refuse_stale(fingerprint, chosen, found, params=values)
            fact = e.RunRequested(
                run=self._unused(book),
                playbook=chosen.name,
                fingerprint=fingerprint,
                address=address or Address(),
                params=values,
                ticket=ticket,
                second_person=chosen.second_person,
            )
            begins = "waits for a second person (/mx approve)" if chosen.second_person else "starts"
            return on(found, fact, says=f"{chosen.title} {begins} in {found.id}; the card shows each step.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def request_undo(
        self,
        integration: str,
        playbook_or_run: str,
        *,
        actor: str,
        address: Address | None = None,
        fingerprint: str | None = None,
        key: str | None = None,
    ) -> Done:
        """Take a run back, named by its id or by its playbook (then the one that is on, else the latest)."""

        def decide(book: Book) -> Move:
            found, undone = run_to_undo(book, integration, playbook_or_run)
            refuse_undo(found, undone, zone=self._zone)
            chosen = self._playbooks.get(undone.playbook) or remembered(undone)
            refuse_stale(fingerprint, chosen, found, mode="undo", undoes=undone.id)
            fact = e.RunRequested(
                run=self._unused(book),
                playbook=undone.playbook,
                mode="undo",
                undoes=undone.id,
                fingerprint=fingerprint,
                address=address or Address(),
            )
            when = " as soon as the step that is under way has ended" if undone.live else ""
            return on(found, fact, says=f"{chosen.title} is being taken back in {found.id}{when}.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def redact(
        self, integration: str, version: int, *, reason: str, actor: str, key: str | None = None
    ) -> Done:
        """Hide the words of one line of the timeline from every view."""
        why = worded(reason, example="/mx redact 12 a customer's name")

        async def decide(book: Book) -> Move:
            found = open_or_latest(book, integration)
            line = next(
                (event for event in await self._timeline.history(found.id) if event.version == version), None
            )
            if line is None:
                raise Refused(f"{found.id} has no line {version}; its lines go from 1 to {found.version}.")
            if isinstance(line.fact, e.IncidentOpened):
                raise Refused(f"Line {version} opened {found.id}; it holds no words, and it stays.")
            if isinstance(line.fact, _WORDLESS):
                raise Refused(f"Line {version} ({sentence(line.fact)}) holds no words that could be hidden.")
            if version in found.redacted:
                raise Refused(f"Line {version} of {found.id} is redacted already.")
            says = f"Line {version} of {found.id} is hidden from every view from here; the row itself stays."
            return on(found, e.Redacted(version=version, reason=why), says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def request_report(
        self, integration: str, *, actor: str, address: Address | None = None, key: str | None = None
    ) -> Done:
        """Ask for the report of the open incident, else of the latest; its follower posts it."""
        fact = ReportRequested(request=self._new_id(), address=address or Address())

        def decide(book: Book) -> Move:
            found = open_or_latest(book, integration)
            says = f"The report of {found.id} follows in a few seconds."
            return on(found, fact, says=says, binding=False)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    def _unused(self, book: Book) -> str:
        """A new id for a run: it names the run's lease too, so no other run may have it."""
        while True:
            run = self._new_id()
            if book.of_run(run) is None:
                return run
