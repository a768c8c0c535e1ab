"""Who has which role by the settings, and refusals that say who can."""

import pytest

from bot.domain.authority import (
    Authority,
    Role,
    Standing,
    refuse_outsider,
    refuse_unchecked,
    refuse_unnamed,
    unfit,
)

HERE = ("C1",)


@pytest.mark.parametrize(
    ("authority", "role", "named", "members"),
    [
        (Authority(), "responder", (), True),
        (Authority(), "approver", (), True),
        (Authority(responders=("U1", "S1")), "responder", ("U1", "S1"), False),
        (Authority(responders=("U1", "S1")), "approver", ("U1", "S1"), False),
        (Authority(responders=("U1",), approvers=("S2",)), "responder", ("U1", "S2"), False),
        (Authority(responders=("U1",), approvers=("S2",)), "approver", ("S2",), False),
        (Authority(approvers=("U3",)), "responder", ("U3",), True),
        (Authority(approvers=("U3",)), "approver", ("U3",), False),
    ],
)
def test_the_settings_give_the_roles(
    authority: Authority, role: Role, named: tuple[str, ...], *, members: bool
) -> None:
    assert (authority.named(role), authority.members(role)) == (named, members)


def test_people_are_told_apart_from_groups() -> None:
    authority = Authority(responders=("U1", "S1", "W2"))
    assert (authority.people("responder"), authority.groups("responder")) == (("U1", "W2"), ("S1",))


def test_the_card_says_who_may_only_where_nobody_is_named_to_respond() -> None:
    assert Authority().says == Authority(approvers=("U1",)).says != ""
    assert Authority(responders=("U1",)).says == ""


def test_a_refusal_names_the_people_and_the_groups_that_can() -> None:
    authority = Authority(responders=("U1", "S1", "S2"))
    says = refuse_unnamed(authority, "responder", doing="run playbooks", names={"S1": "On-call"})
    assert says.startswith(
        "Only responders may run playbooks: slack:U1, the group On-call, the group S2. Ask one of them"
    )
    assert "Only responders may approve runs" in refuse_unnamed(authority, "approver", doing="approve runs")
    both = Authority(responders=("U1",), approvers=("U2",))
    assert refuse_unnamed(both, "responder", doing="stop runs").startswith(
        "Only responders and approvers may stop runs: slack:U1, slack:U2."
    )
    assert refuse_unnamed(both, "approver", doing="approve runs").startswith(
        "Only approvers may approve runs: slack:U2."
    )


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(guest=True), "You are a guest here, and only full members of slack:C1 may stop runs"),
        (Standing(stranger=True), "You are from another workspace here"),
        (Standing(robot=True), "You are no person here"),
        (Standing(gone=True), "You are no person here"),
        (Standing(), "Only members of slack:C1 may stop runs, and you are not in it"),
    ],
)
def test_who_is_no_full_member_of_the_channel_is_told_what_is_missing(standing: Standing, words: str) -> None:
    assert words in refuse_outsider(standing, HERE, member=False, doing="stop runs")


def test_a_full_member_is_never_refused_by_mistake() -> None:
    with pytest.raises(ValueError, match="is not refused"):
        refuse_outsider(Standing(), HERE, member=True, doing="stop runs")


def test_what_cannot_be_checked_says_why_and_what_to_do() -> None:
    says = refuse_unchecked(Authority(), "responder", doing="run playbooks", because="Slack is away")
    assert says == (
        "Whether you may run playbooks could not be checked, so nothing was done. Slack is away. "
        "Try again in a minute, or act at the terminal. "
        'To need no answer of Slack, name people in mx.toml: responders = ["U…"] under [bot].'
    )
    named = refuse_unchecked(
        Authority(responders=("U1", "S1")), "responder", doing="run playbooks", because="Slack is away"
    )
    assert "Of slack:U1 nothing has to be asked." in named
    assert "mx.toml" not in named


def test_whoever_cannot_be_given_an_incident_is_told_of_in_a_sentence_for_who_chose_them() -> None:
    nobody_named, named = Authority(), Authority(("U1",), ())
    assert unfit(Standing(robot=True), named) == "That is an app. Choose a person."
    assert "switched off" in unfit(Standing(gone=True), named)
    assert "not among the responders" in unfit(Standing(), named)
    assert "a guest here" in unfit(Standing(guest=True), nobody_named)
    assert "from another workspace" in unfit(Standing(stranger=True), nobody_named)
    assert "not in the incident's channel" in unfit(Standing(), nobody_named)
