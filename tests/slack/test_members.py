"""What Slack is asked about people, for how long its answer counts, and that nothing is guessed where it gives none."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.demo.slack.records import Role as SlackRole
from bot.demo.slack.workspace import SlackWorkspace
from bot.domain.authority import Authority, Role
from bot.errors import Refused
from bot.slack.api import SlackApi, slack_client
from bot.slack.members import CHANNEL_S, GROUP_S, PERSON_S, Members, standing
from bot.slack.settings import SlackSettings
from tests.slack.rig import QUICK, HandClock


@dataclass
class Place:
    """A workspace with Ann in the channel and Ben in the group, and the members as mx sees them."""

    slack: SlackWorkspace
    members: Members
    clock: HandClock
    ann: str
    ben: str
    channel: str
    group: str

    async def may(self, user: str, role: Role = "responder") -> str:
        """Empty where this user may act, else the refusal."""
        try:
            await self.members.check(user, role, channels=(self.channel,), doing="run playbooks")
        except Refused as refused:
            return str(refused)
        return ""

    def asked(self, method: str) -> int:
        """How often Slack was asked this."""
        return sum(call.method == method for call in self.slack.calls)


def nobody(_ann: str, _ben: str, _group: str) -> Authority:
    return Authority()


def the_group(_ann: str, _ben: str, group: str) -> Authority:
    return Authority(responders=(group,))


@asynccontextmanager
async def place(authority: Callable[[str, str, str], Authority] = nobody) -> AsyncIterator[Place]:
    async with SlackWorkspace.start(limits=QUICK) as slack:
        ann, ben = slack.add_user("Ann"), slack.add_user("Ben")
        channel = slack.create_channel("incidents", [ann])
        group = slack.add_group("on-call", [ben])
        settings = SlackSettings(bot_token=slack.bot_token, app_token="xapp-1", api_url=slack.api_url)
        clock = HandClock()
        async with slack_client(settings) as (client, session):
            api = SlackApi(client, session, clock)
            members = Members(api, clock, authority(ann, ben, group))
            yield Place(slack, members, clock, ann, ben, channel, group)


async def test_with_nobody_named_the_full_members_of_the_channel_may_act() -> None:
    async with place() as here:
        assert await here.may(here.ann) == ""
        assert await here.may(here.ann, "approver") == ""
        assert f"Only members of slack:{here.channel} may run playbooks" in await here.may(here.ben)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("guest", "You are a guest here"),
        ("single-channel guest", "You are a guest here"),
        ("outsider", "You are from another workspace here"),
        ("bot", "You are no person here"),
    ],
)
async def test_whoever_is_no_full_member_may_not_act_though_in_the_channel(
    role: SlackRole, words: str
) -> None:
    async with place() as here:
        other = here.slack.add_user("Gus", role=role)
        here.slack.state.channels[here.channel].members.append(other)
        assert words in await here.may(other)


async def test_a_deactivated_account_may_not_act() -> None:
    async with place() as here:
        here.slack.state.deactivate(here.ann)
        assert "You are no person here" in await here.may(here.ann)


async def test_a_channel_of_many_pages_is_read_to_its_end() -> None:
    async with place() as here:
        crowd = [here.slack.add_user(f"P{number}") for number in range(1200)]
        here.slack.state.channels[here.channel].members[:] = [*crowd, here.ben]
        assert await here.may(here.ben) == ""
        assert here.asked("conversations.members") == 2


async def test_answers_count_for_a_while_and_the_channel_is_asked_anew_first() -> None:
    async with place() as here:
        for _ in range(5):
            assert await here.may(here.ann) == ""
        assert (here.asked("conversations.members"), here.asked("users.info")) == (1, 1)
        here.slack.state.channels[here.channel].members.remove(here.ann)
        here.clock.wind(CHANNEL_S / 2)
        assert await here.may(here.ann) == ""
        here.clock.wind(CHANNEL_S / 2)
        assert "you are not in it" in await here.may(here.ann)
        assert (here.asked("users.info"), here.asked("auth.test")) == (1, 1)
        here.clock.wind(PERSON_S)
        await here.may(here.ann)
        assert (here.asked("users.info"), here.asked("auth.test")) == (2, 1)


async def test_a_group_gives_the_role_and_a_change_of_it_counts_after_its_time() -> None:
    async with place(the_group) as here:
        assert await here.may(here.ben) == ""
        assert "Only responders may run playbooks: the group On-Call." in await here.may(here.ann)
        here.slack.state.change_group(here.group, [here.ann])
        here.clock.wind(GROUP_S / 2)
        assert await here.may(here.ben) == ""
        here.clock.wind(GROUP_S / 2)
        assert "Only responders" in await here.may(here.ben)
        assert await here.may(here.ann) == ""
        assert here.asked("usergroups.users.list") == 2


async def test_an_old_answer_is_not_used_because_slack_is_away() -> None:
    async with place(the_group) as here:
        assert await here.may(here.ben) == ""
        here.slack.down = True
        here.clock.wind(GROUP_S - 1)
        assert await here.may(here.ben) == ""
        here.clock.wind(1)
        assert "could not be checked, so nothing was done" in await here.may(here.ben)
        here.slack.down = False
        assert await here.may(here.ben) == ""


async def test_many_at_once_ask_slack_once() -> None:
    async with place(the_group) as here:
        here.slack.mischief.late("usergroups.users.list", 0.2)
        assert await asyncio.gather(*(here.may(here.ben) for _ in range(20))) == [""] * 20
        assert here.asked("usergroups.users.list") == 1


async def test_who_is_named_themselves_may_act_whatever_slack_says() -> None:
    def named(ann: str, _ben: str, group: str) -> Authority:
        return Authority(responders=(group, ann))

    async with place(named) as here:
        here.slack.down = True
        assert await here.may(here.ann) == ""
        assert here.slack.calls == []
        assert f"Of slack:{here.ann} nothing has to be asked" in await here.may(here.ben)


async def test_a_group_that_cannot_be_read_takes_the_role_from_nobody_whom_another_group_names() -> None:
    def two(_ann: str, _ben: str, group: str) -> Authority:
        return Authority(responders=("S0GONE", group))

    async with place(two) as here:
        assert await here.may(here.ben) == ""
        says = await here.may(here.ann)
        assert "Slack answered no_such_subteam; correct the group's id (S…) in mx.toml" in says


@pytest.mark.parametrize(
    ("authority", "method", "code", "words"),
    [
        (the_group, "usergroups.users.list", "plan_upgrade_required", "this workspace has no user groups"),
        (the_group, "usergroups.users.list", "missing_scope", "scopes of manifest.yml"),
        (the_group, "usergroups.users.list", "internal_error", "Slack gave no usable answer within 1.2 s"),
        (nobody, "conversations.members", "fetch_members_failed", "fetch_members_failed"),
        (nobody, "users.info", "user_not_visible", "user_not_visible"),
        (nobody, "auth.test", "invalid_auth", "Bot User OAuth Token"),
    ],
)
async def test_what_slack_refuses_to_say_is_refused_with_its_reason(
    authority: Callable[[str, str, str], Authority], method: str, code: str, words: str
) -> None:
    async with place(authority) as here:
        here.slack.mischief.refuse(method, code, times=3)
        says = await here.may(here.ann)
        assert "could not be checked, so nothing was done" in says
        assert words in says


async def test_names_that_cannot_be_had_leave_the_ids() -> None:
    async with place(the_group) as here:
        here.slack.mischief.refuse("usergroups.list", "internal_error", times=3)
        assert f"the group {here.group}." in await here.may(here.ann)


@pytest.mark.parametrize("authority", [nobody, the_group])
@pytest.mark.parametrize("kind", ["late", "limited"])
async def test_a_slow_slack_is_not_waited_for(
    authority: Callable[[str, str, str], Authority], kind: str
) -> None:
    async with place(authority) as here:
        if kind == "late":
            here.slack.mischief.late("*", 5.0, times=9)
        else:
            here.slack.mischief.limit("*", 20, times=9)
        began = time.monotonic()
        says = await here.may(here.ben)
        assert time.monotonic() - began < 2
        assert "could not be checked, so nothing was done. Slack gave no usable answer within 1.2 s" in says


def test_every_team_of_an_organisation_is_ours() -> None:
    account = {"id": "U1", "team_id": "E1", "enterprise_user": {"teams": ["T1", "T2"]}}
    assert standing(account, team="T2").full_member
    assert standing(account, team="T3").stranger
    assert standing({}, team="T3").stranger
