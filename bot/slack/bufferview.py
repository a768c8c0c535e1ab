"""What waits at the gateway, on a card: lines, buttons and their dialogs out of one look. Pure."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from bot.domain.backlog import BufferedWrite, Control
from bot.domain.incident import Incident
from bot.domain.look import Look
from bot.domain.telling import hour, waits, writes
from bot.slack import blocks
from bot.slack.limits import Block, Mrkdwn, cut, joined, person, say
from bot.slack.press import Act, Press

_KNOWN = 300
_DIALOG_KNOWN = 110
"""Characters of what is known of a write that fit into a dialog beside its question."""
_LABELS: dict[Control, str] = {
    "pause": "Pause replay",
    "resume": "Resume replay",
    "cancel": "Cancel replay",
}


def sections(look: Look, incident: Incident, *, zone: tzinfo) -> list[Block]:
    """The card's part: the state, then each write that a person is asked about, with its two buttons."""
    told = [*lines(look, zone=zone), *_finished(look, incident)]
    made: list[Block] = [blocks.section(joined("\n", told))] if told else []
    for write in () if look.trouble else look.parked:
        made.append(blocks.section(_parked(write, zone)))
        made += blocks.actions([_decision(write, act, incident, zone) for act in ("resend", "arrived")])
    return made


def lines(look: Look, *, zone: tzinfo) -> list[Mrkdwn]:
    """The state of buffer and replay in a few lines; none where nothing is to be seen."""
    if not look.matters:
        return []
    return [*_trouble(look, zone), *_full(look), *_waiting(look, zone), *_replay(look), *_left(look)]


def buttons(look: Look, incident: Incident) -> list[Block]:
    """What may be asked of the replay now."""
    return [_button(action, look, incident) for action in look.controls]


def _trouble(look: Look, zone: tzinfo) -> Iterator[Mrkdwn]:
    if look.trouble:
        yield say(
            "*The gateway does not answer*, so this is as of {}; what it has buffered is on its disk. {}",
            hour(look.at, zone),
            look.trouble,
        )


def _full(look: Look) -> Iterator[Mrkdwn]:
    if look.buffer.full is None:
        return
    kept = look.buffer.undelivered
    yield say(
        ":rotating_light: *The buffer is full ({}): new writes are refused with 503.* {} stay accepted. "
        "Make room: {}, or raise the buffer's limit at the gateway.",
        look.buffer.full,
        f"The {writes(kept)} in it" if kept else "Those in it",
        "deliver them as soon as MaintainX is back" if look.mode == "buffering" else "replay them now",
    )


def _waiting(look: Look, zone: tzinfo) -> Iterator[Mrkdwn]:
    count, oldest = look.buffer.undelivered, look.buffer.oldest
    since = f", oldest {hour(oldest, zone)}" if oldest else ""
    if look.mode == "buffering":
        yield say("*Writes are buffered*: {} waiting{}; none is lost.", count, since)
        if look.circuit.state == "open" and look.circuit.says:
            yield say("The gateway finds MaintainX down: {}", look.circuit.says)
    elif count and not look.replay.under_way:
        yield say(
            "*{} for the replay*{}; none is lost, and new ones queue behind until you deliver them: Replay on the card.",
            waits(count),
            since,
        )


def _replay(look: Look) -> Iterator[Mrkdwn]:
    replay = look.replay
    by = say(", started by {}", person(replay.by)) if replay.by else say("")
    match replay.state:
        case "running":
            yield say("*Replay* `{}` {}{}", replay.bar(), replay.line, by)
        case "paused":
            yield say("*Replay held* `{}` {}{}", replay.bar(), replay.line, by)
        case "done" | "idle":
            pass


def _finished(look: Look, incident: Incident) -> Iterator[Mrkdwn]:
    """The end of a replay that was asked for in this incident; the gateway remembers older ones too."""
    replay = look.replay
    if replay.state == "done" and any(order.action == "start" and order.ok for order in incident.orders):
        yield say("*Replay done*: {} of {} sent. {}", replay.done, replay.total, replay.says)


def _left(look: Look) -> Iterator[Mrkdwn]:
    more = look.buffer.parked - len(look.parked)
    if look.buffer.parked:
        named = "" if more <= 0 else f" ({more} more: `mx buffer list --state unknown`)"
        yield say(
            "*{}* for your word: look at MaintainX first{}.",
            waits(look.buffer.parked, "of unknown fate"),
            named,
        )
    if look.buffer.rejected:
        yield say(
            "*{} rejected by MaintainX*, kept with its answers: `mx buffer list --state rejected`",
            writes(look.buffer.rejected),
        )


def _parked(write: BufferedWrite, zone: tzinfo) -> Mrkdwn:
    tries = f"sent {write.attempts} time{'' if write.attempts == 1 else 's'}"
    entity = f" · {write.entity}" if write.entity else ""
    return say(
        "*{}*{}\n`{}` · {}: {}",
        write.label(zone),
        entity,
        write.buffer_id,
        tries,
        cut(write.says, _KNOWN) or "nobody knows whether it arrived",
    )


def _decision(write: BufferedWrite, act: Act, incident: Incident, zone: tzinfo) -> Block:
    again = act == "resend"
    what = f"{write.label(zone)}: {cut(write.says, _DIALOG_KNOWN)}"
    then = (
        "It is sent once more. If it did arrive the first time, it is then there twice."
        if again
        else "It counts as delivered, and is never sent again."
    )
    press = Press(act=act, incident=incident.id, integration=incident.integration, write=write.buffer_id)
    label = "Send again" if again else "It arrived"
    return blocks.button(
        label,
        action=press.action,
        value=press.value,
        style="danger" if again else None,
        confirm=blocks.confirm(f"{label}?", f"{then}\n{what}", yes=label),
    )


def _button(action: Control, look: Look, incident: Incident) -> Block:
    press = Press(act=action, incident=incident.id, integration=incident.integration)
    label = _LABELS.get(action) or f"Replay {writes(look.buffer.waiting)}"
    dialog = _dialog(action, look)
    return blocks.button(
        label,
        action=press.action,
        value=press.value,
        style="primary" if action in {"start", "resume"} else None,
        confirm=blocks.confirm(f"{label}?", dialog, yes=label) if dialog else None,
    )


def _dialog(action: Control, look: Look) -> str:
    match action:
        case "start":
            counted = look.planned or writes(look.buffer.waiting)
            return f"{counted}.\nThey are sent in order, behind live traffic. You can pause at any time."
        case "cancel":
            return f"{look.replay.line}. What is not sent stays in the buffer, and can be replayed later."
        case "pause" | "resume":
            return ""


def summary(look: Look | None, *, zone: tzinfo) -> Sequence[Mrkdwn]:
    """The same lines for a private answer, with what only the card's buttons would say."""
    if look is None:
        return ()
    found = lines(look, zone=zone)
    if look.parked and not look.trouble:
        found += [_parked(write, zone) for write in look.parked]
    return found
