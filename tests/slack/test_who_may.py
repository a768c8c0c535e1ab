"""Who may act, by real deliveries: what is refused appends nothing and says who can; anyone may look and take it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot import playbook
from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain.authority import Authority
from bot.playbook import Playbook
from bot.ports import Step
from bot.slack.edge import Asked
from bot.slack.members import CHANNEL_S, GROUP_S
from tests.slack import rig as rigs
from tests.slack.rig import Rig

ENABLE = "Enable emergency rate limit"
ANYONE = "Any full member of this channel may act; set responders in mx.toml to narrow it."
PLAYBOOK = "rate-limited"


async def card(rig: Rig) -> Message:
    rig.clock.wind(31)
    await rig.cards.step()
    return rig.slack.messages(rig.channel)[-1]


async def head(rig: Rig) -> int:
    return (await rig.timeline.book()).head.seq


async def mx(rig: Rig, user: str, text: str, *, channel: str | None = None) -> str:
    outcome = await rig.slack.command(user, channel or rig.channel, "/mx", text)
    assert (outcome.status, outcome.error) == (200, None)
    assert outcome.seconds < 3
    return outcome.text or ""


async def told(rig: Rig, user: str) -> str:
    await rig.drain()
    return "\n".join(
        line for message in rig.slack.ephemerals(user, rig.channel) for line in render(message, width=400)
    )


def guest(rig: Rig) -> str:
    """Gus, a guest in the channel."""
    gus = rig.slack.add_user("Gus", role="guest")
    rig.slack.state.channels[rig.channel].members.append(gus)
    return gus


def on_call(rig: Rig, *users: str) -> str:
    """The group that has these people in it, named as the responders."""
    group = rig.slack.add_group("on-call", users)
    rig.edge.members.authority = Authority(responders=(group,))
    return group


@pytest.mark.parametrize(
    ("text", "doing"),
    [
        ("run rate-limited", "run playbooks"),
        ("undo", "take playbooks back"),
        ("approve", "approve runs"),
        ("stop", "stop runs"),
        ("severity 2 it is worse", "set the severity"),
        ("resolve anyway enough", "resolve incidents"),
        ("reopen it is back", "reopen incidents"),
        ("redact 1 a name", "redact the timeline"),
    ],
)
async def test_a_guest_is_refused_every_act_and_told_who_can(rig: Rig, text: str, doing: str) -> None:
    await rig.open()
    gus, before = guest(rig), await head(rig)
    says = await mx(rig, gus, text)
    assert says == (
        f"You are a guest here, and only full members of <#{rig.channel}> may {doing}: ask one of them. "
        "Nothing was done."
    )
    assert await head(rig) == before
    assert rig.shown(gus) == ""


async def test_anyone_may_triage_look_take_it_note_and_have_the_report(rig: Rig) -> None:
    await rig.open()
    gus = guest(rig)
    on_call(rig, rig.ben)
    before = await head(rig)
    for text in ("triage", "ack", "note it began at noon", "report"):
        assert "may" not in await mx(rig, gus, text)
        assert await head(rig) > before
        before = await head(rig)
    for text in ("", "status", "timeline", "playbooks", "help"):
        assert "Nothing was done" not in await mx(rig, gus, text)
    message = await card(rig)
    await rig.slack.click(gus, rig.channel, message.ts, "Triage again")
    assert await head(rig) > before


async def test_somebody_outside_the_channel_is_refused_from_anywhere(rig: Rig) -> None:
    incident = await rig.open()
    await card(rig)
    eve = rig.slack.add_user("Eve")
    hers = rig.slack.create_channel("hers", [eve])
    before = await head(rig)
    says = await mx(rig, eve, f"run {PLAYBOOK}", channel=hers)
    assert f"Only members of <#{rig.channel}> may run playbooks, and you are not in it" in says
    assert (await head(rig), (await rig.incident(incident.id)).runs) == (before, ())
    rig.slack.state.channels[rig.channel].members.append(eve)
    rig.clock.wind(CHANNEL_S)
    assert await mx(rig, eve, f"run {PLAYBOOK}", channel=hers) == ""
    await rig.send(eve)
    assert len((await rig.incident(incident.id)).runs) == 1


async def test_a_refused_click_opens_no_dialog_and_is_answered_privately(rig: Rig) -> None:
    await rig.open()
    message = await card(rig)
    gus, before = guest(rig), await head(rig)
    await rig.slack.click(gus, rig.channel, message.ts, ENABLE)
    assert "You are a guest here, and only full members of" in await told(rig, gus)
    assert (rig.shown(gus), await head(rig)) == ("", before)


async def test_a_member_of_the_group_may_and_others_are_told_its_name(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    on_call(rig, rig.ben)
    says = await mx(rig, rig.ann, f"run {PLAYBOOK}")
    assert says.startswith("Only responders may run playbooks: the group On-Call. Ask one of them")
    await rig.press(rig.ben, message.ts, ENABLE)
    (run,) = (await rig.incident(incident.id)).runs
    assert run.requested_by == f"slack:{rig.ben}"


async def test_it_is_checked_again_when_the_dialog_is_sent_in(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    group = on_call(rig, rig.ben)
    await rig.press(rig.ben, message.ts, ENABLE, send=False)
    rig.slack.state.change_group(group, [rig.ann])
    rig.clock.wind(GROUP_S)
    before = await head(rig)
    dialog = rig.slack.views(rig.ben)[-1]
    sent = await rig.slack.submit_view(rig.ben, dialog.id)
    assert sent.error is None
    assert "Only responders may run playbooks: the group On-Call" in rig.shown(rig.ben)
    assert (await head(rig), (await rig.incident(incident.id)).runs) == (before, ())


async def test_slack_out_of_reach_refuses_and_appends_nothing(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.press(rig.ann, message.ts, ENABLE, send=False)
    dialog = rig.slack.views(rig.ann)[-1]
    rig.clock.wind(GROUP_S)
    rig.slack.down = True
    before = await head(rig)
    says = await mx(rig, rig.ann, "resolve anyway enough")
    assert "Whether you may resolve incidents could not be checked, so nothing was done." in says
    assert 'responders = ["U…"] under [bot]' in says
    await rig.slack.submit_view(rig.ann, dialog.id)
    assert "could not be checked" in rig.shown(rig.ann)
    assert incident.id in await mx(rig, rig.ann, "status")
    assert (await head(rig), (await rig.incident(incident.id)).runs) == (before, ())
    rig.edge.members.authority = Authority(responders=(rig.ann,))
    await rig.prove(incident)
    await mx(rig, rig.ann, "resolve anyway enough")
    assert not (await rig.incident(incident.id)).open


async def test_a_slow_slack_is_answered_within_its_own_three_seconds(rig: Rig) -> None:
    await rig.open()
    before = await head(rig)
    rig.slack.mischief.late("users.info", 10.0, times=5)
    assert "could not be checked" in await mx(rig, rig.ann, f"run {PLAYBOOK}")
    assert await head(rig) == before


async def test_what_is_for_approvers_asks_for_one_by_command_by_button_and_in_the_dialog(
    tmp_path: Path,
) -> None:
    def grave(steps: Mapping[str, Step]) -> Mapping[str, Playbook]:
        shipped = playbook.shipped(steps)[PLAYBOOK]
        return {PLAYBOOK: shipped.model_copy(update={"who": "approvers"})}

    async with rigs.rig(tmp_path, own=grave) as rig:
        incident = await rig.open()
        message = await card(rig)
        rig.edge.members.authority = Authority(responders=(rig.ann,), approvers=(rig.ben,))
        words = f"Only approvers may start {PLAYBOOK}: "
        assert words in await mx(rig, rig.ann, f"run {PLAYBOOK}")
        await rig.slack.click(rig.ann, rig.channel, message.ts, ENABLE)
        assert words in await told(rig, rig.ann)
        await rig.press(rig.ben, message.ts, ENABLE, send=False)
        rig.edge.members.authority = Authority(responders=(rig.ann, rig.ben), approvers=(rig.ann,))
        await rig.slack.submit_view(rig.ben, rig.slack.views(rig.ben)[-1].id)
        assert words in rig.shown(rig.ben)
        assert (await rig.incident(incident.id)).runs == ()
        assert await mx(rig, rig.ann, f"run {PLAYBOOK}") == ""
        await rig.send(rig.ann)
        assert len((await rig.incident(incident.id)).runs) == 1


async def test_only_an_approver_approves_by_button_and_by_command(tmp_path: Path) -> None:
    def second(steps: Mapping[str, Step]) -> Mapping[str, Playbook]:
        return {PLAYBOOK: playbook.shipped(steps)[PLAYBOOK].model_copy(update={"second_person": True})}

    async with rigs.rig(tmp_path, own=second) as rig:
        incident = await rig.open()
        carl = rig.slack.add_user("Carl")
        rig.slack.state.channels[rig.channel].members.append(carl)
        message = await card(rig)
        await rig.press(rig.ann, message.ts, ENABLE)
        message = await card(rig)
        rig.edge.members.authority = Authority(responders=(rig.ann, rig.ben), approvers=(carl,))
        before = await head(rig)
        await rig.slack.click(rig.ben, rig.channel, message.ts, f"Approve {PLAYBOOK}")
        assert "Only approvers may approve runs" in await told(rig, rig.ben)
        assert "Only approvers may approve runs" in await mx(rig, rig.ben, "approve")
        assert await head(rig) == before
        assert f"You approved {PLAYBOOK}" in await mx(rig, carl, "approve")
        (run,) = (await rig.incident(incident.id)).runs
        assert run.approved_by == f"slack:{carl}"


async def test_without_a_channel_of_its_own_the_cards_channel_counts(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, channel_known=False) as rig:
        await rig.open(asked_in=rig.channel)
        await card(rig)
        eve = rig.slack.add_user("Eve")
        hers = rig.slack.create_channel("hers", [eve])
        assert f"Only members of <#{rig.channel}>" in await mx(rig, eve, "stop", channel=hers)
        assert f"Only members of <#{rig.channel}>" in await mx(rig, eve, f"run {PLAYBOOK}", channel=hers)


async def test_the_card_says_who_may_act_only_where_nobody_is_named_and_something_is_offered(
    tmp_path: Path,
) -> None:
    async with rigs.rig(tmp_path) as rig:
        incident = await rig.open()
        assert ANYONE in "\n".join(render(await card(rig), width=400))
        await rig.edge.incidents.request_run(
            "default",
            PLAYBOOK,
            actor=f"slack:{rig.ann}",
            address=rig.edge.address(Asked(rig.ann, rig.channel, "k", None)),
            key="k",
        )
        assert len((await rig.incident(incident.id)).runs) == 1
        assert ANYONE not in "\n".join(render(await card(rig), width=400))


async def test_the_card_keeps_silent_about_it_where_responders_are_named(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, authority=lambda _: Authority(responders=("U0123",))) as rig:
        await rig.open()
        text = "\n".join(render(await card(rig), width=400))
        assert ENABLE in text
        assert ANYONE not in text
