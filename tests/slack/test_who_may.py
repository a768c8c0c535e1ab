"""Who may act in Slack: named people and groups, else the channel's full members; what cannot be asked is refused."""

from pathlib import Path

import pytest

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain.authority import Authority
from tests.slack import rig as rigs
from tests.slack.rig import Rig

ENABLE = "Enable emergency rate limit"


async def card(rig: Rig) -> Message:
    rig.clock.wind(31)
    await rig.cards.step()
    return rig.slack.messages(rig.channel)[-1]


async def typed(rig: Rig, user: str, text: str) -> str:
    outcome = await rig.slack.command(user, rig.channel, "/mx", text)
    assert (outcome.status, outcome.error) == (200, None)
    assert outcome.seconds < 3
    return "" if outcome.message is None else "\n".join(render(outcome.message, width=1000))


async def told(rig: Rig, user: str) -> str:
    await rig.drain()
    return "\n".join(
        line for one in rig.slack.ephemerals(user, rig.channel) for line in render(one, width=1000)
    )


@pytest.mark.parametrize("role", ["guest", "outsider"])
async def test_with_nobody_named_guests_and_outsiders_may_look_and_not_act(rig: Rig, role: str) -> None:
    await rig.open()
    eve = rig.slack.add_user("Eve", role=role)  # type: ignore[arg-type] # one of its roles
    rig.slack.state.channels[rig.channel].members.append(eve)
    for verb in ("triage", "status", "playbooks", "timeline", "help", "note I saw it too"):
        assert "Only full members" not in await typed(rig, eve, verb)
    head = (await rig.timeline.book()).head
    for verb in ("run rate-limited", "undo", "stop", "approve", "resolve", "severity 1 bad", "redact 1 x"):
        assert "Only full members of the incident's channel may" in await typed(rig, eve, verb)
    message = await card(rig)
    await rig.slack.click(eve, rig.channel, message.ts, ENABLE)
    assert "no guests, and nobody of another workspace" in await told(rig, eve)
    assert rig.slack.views(eve) == ()
    assert (await rig.timeline.book()).head.seq <= head.seq + 1  # the card was posted


async def test_with_nobody_named_one_has_to_be_in_the_channel(rig: Rig) -> None:
    await rig.open()
    eve = rig.slack.add_user("Eve")
    elsewhere = rig.slack.create_channel("elsewhere", [eve])
    outcome = await rig.slack.command(eve, elsewhere, "/mx", "run rate-limited")
    assert "Join the channel, or ask somebody who is in it" in (outcome.text or "")
    rig.slack.state.channels[rig.channel].members.append(eve)
    rig.clock.wind(61)
    assert await typed(rig, eve, "run rate-limited") == ""
    await rig.slack.dialog(eve)


async def test_the_card_says_who_may_where_nobody_is_named(rig: Rig) -> None:
    await rig.open()
    rig.cards._remark = rig.edge.members.authority.says
    text = "\n".join(render(await card(rig), width=1000))
    assert "Any full member of this channel may act. To name people: responders in mx.toml" in text


async def test_named_people_and_groups_may_and_others_are_told_who_can(tmp_path: Path) -> None:
    groups: list[str] = []

    def named(people: list[str]) -> Authority:
        return Authority(responders=(people[0], *groups))

    async with rigs.slack_with_group("oncall") as (slack, group):
        groups.append(group)
        async with rigs.rig(tmp_path, slack=slack, authority=named) as rig:
            await rig.open()
            assert await typed(rig, rig.ann, "run rate-limited") == ""
            refusal = await typed(rig, rig.ben, "run rate-limited")
            assert f"Only responders may do this, and you are none of them: @{rig.ann}" in refusal
            assert f"the user group {group}" in refusal
            slack.state.groups[group][1].append(rig.ben)
            assert "Only responders" in await typed(rig, rig.ben, "run rate-limited")  # as it was remembered
            rig.clock.wind(301)
            assert await typed(rig, rig.ben, "run rate-limited") == ""
            await rig.slack.dialog(rig.ben)
            # Out of the group again before the dialog is sent in: it is asked once more.
            slack.state.groups[group][1].remove(rig.ben)
            rig.clock.wind(301)
            await rig.send(rig.ben)
            assert "Only responders may do this" in rig.shown(rig.ben)
            (incident,) = (await rig.timeline.book()).incidents()
            assert incident.runs == ()


@pytest.mark.parametrize("how", ["down", "missing_scope", "slow"])
async def test_what_slack_cannot_say_is_refused(tmp_path: Path, how: str) -> None:
    async with (
        rigs.slack_with_group("oncall") as (slack, group),
        rigs.rig(tmp_path, slack=slack, authority=lambda _: Authority((group,))) as rig,
    ):
        await rig.open()
        slack.state.groups[group][1].append(rig.ann)
        match how:
            case "down":
                slack.mischief.drop("usergroups.users.list", processed=False, times=9)
            case "missing_scope":
                slack.state.scopes = slack.state.scopes - {"usergroups:read"}
            case _:
                slack.mischief.late("usergroups.users.list", 2.0, times=9)
        said = await typed(rig, rig.ann, "run rate-limited")
        assert "could not be asked" in said
        assert "nothing was done" in said
        if how == "missing_scope":
            assert "install the app again with the scopes of manifest.yml" in said
        assert slack.views(rig.ann) == ()
        assert "Looking at both sides" in await typed(rig, rig.ann, "triage")  # anyone may look


async def test_a_named_approver_alone_may_approve(tmp_path: Path) -> None:
    async with rigs.rig(
        tmp_path, authority=lambda people: Authority((people[0],), approvers=(people[1],))
    ) as rig:
        await rig.open()
        assert "Only approvers may approve a run" in await typed(rig, rig.ann, "approve")
        assert "waits for approval" in await typed(rig, rig.ben, "approve")
        assert await typed(rig, rig.ben, "run rate-limited") == ""  # an approver may respond, too
