"""Who may act: the roles, whom the settings name, what Slack must say of anybody else, and the sentences of refusal. Pure.

People stand in the sentences as ``slack:U1`` and channels as ``slack:C1``; the Slack edge shows them as links.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["responder", "approver"]

_NOTHING_NAMED: Mapping[str, str] = {}
_PLURAL: Mapping[Role, str] = {"responder": "responders", "approver": "approvers"}


@dataclass(frozen=True, slots=True)
class Authority:
    """Ids of users (U…, W…) and user groups (S…) that the settings name. Both empty: the members of the incident's channel."""

    responders: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()

    def named(self, role: Role) -> tuple[str, ...]:
        """The ids that give this role; who may approve may also do what responders do."""
        if role == "approver":
            return self.approvers or self.responders
        return tuple(dict.fromkeys((*self.responders, *self.approvers)))

    def members(self, role: Role) -> bool:
        """Whether membership of the incident's channel gives this role, because nobody is named for it."""
        return not self.responders and (role == "responder" or not self.approvers)

    @property
    def says(self) -> str:
        """Who may act, in a few words for the card; empty where people are named."""
        if not self.members("responder"):
            return ""
        return "Any full member of this channel may act; set responders in mx.toml to narrow it."

    def people(self, role: Role) -> tuple[str, ...]:
        """The users that are named themselves: of them nothing has to be asked."""
        return tuple(one for one in self.named(role) if not is_group(one))

    def groups(self, role: Role) -> tuple[str, ...]:
        """The user groups whose members have the role."""
        return tuple(one for one in self.named(role) if is_group(one))


@dataclass(frozen=True, slots=True)
class Standing:
    """What Slack says of one account."""

    guest: bool = False
    stranger: bool = False
    """Of another workspace."""
    robot: bool = False
    gone: bool = False
    """Deactivated."""

    @property
    def full_member(self) -> bool:
        """A person of this workspace with no restriction."""
        return not (self.guest or self.stranger or self.robot or self.gone)


def is_group(one: str) -> bool:
    """Whether an id of the settings is a user group's."""
    return one.startswith("S")


def who_can(authority: Authority, role: Role, names: Mapping[str, str] = _NOTHING_NAMED) -> str:
    """The people and groups with this role; ``names`` has the groups' names as far as they are known."""
    people = [f"slack:{one}" for one in authority.people(role)]
    groups = [f"the group {names.get(one, one)}" for one in authority.groups(role)]
    return ", ".join([*people, *groups])


def refuse_unnamed(
    authority: Authority, role: Role, *, doing: str, names: Mapping[str, str] = _NOTHING_NAMED
) -> str:
    """The sentence for somebody whom the settings do not name."""
    also = " and approvers" if role == "responder" and authority.responders and authority.approvers else ""
    called = _PLURAL[role if authority.approvers or role == "responder" else "responder"]
    return (
        f"Only {called}{also} may {doing}: {who_can(authority, role, names)}. Ask one of them, "
        f"or have yourself added to a group or to {called} in mx.toml. Nothing was done."
    )


def refuse_outsider(standing: Standing, channels: tuple[str, ...], *, member: bool, doing: str) -> str:
    """The sentence for somebody who is no full member of the incident's channel."""
    where = " or ".join(f"slack:{one}" for one in channels)
    if not standing.full_member:
        what = "from another workspace" if standing.stranger else "a guest" if standing.guest else "no person"
        return f"You are {what} here, and only full members of {where} may {doing}: ask one of them. Nothing was done."
    if not member:
        return (
            f"Only members of {where} may {doing}, and you are not in it: ask one of them, or have them invite you. "
            "Nothing was done."
        )
    raise ValueError("a full member of the channel is not refused")


def unfit(standing: Standing, authority: Authority) -> str:
    """Why somebody who may not act cannot be given an incident, for who chose them. Names nobody: it is plain text."""
    if standing.robot:
        return "That is an app. Choose a person."
    if standing.gone:
        return "That account is switched off. Choose somebody else."
    if not authority.members("responder"):
        return "They are not among the responders of mx.toml, so they could not act. Choose one who is."
    if not standing.full_member:
        what = "from another workspace" if standing.stranger else "a guest"
        return f"They are {what} here, and could not act. Choose a full member of the incident's channel."
    return "They are not in the incident's channel. Choose one of its members, or have them invited first."


def refuse_unchecked(authority: Authority, role: Role, *, doing: str, because: str) -> str:
    """The sentence where nobody can tell: what cannot be checked is not done."""
    people = authority.people(role)
    listed = ", ".join(f"slack:{one}" for one in people)
    known = f"Of {listed} nothing has to be asked. " if listed else ""
    remedy = (
        ""
        if listed
        else 'To need no answer of Slack, name people in mx.toml: responders = ["U…"] under [bot].'
    )
    return (
        f"Whether you may {doing} could not be checked, so nothing was done. {because}. "
        f"{known}Try again in a minute, or act at the terminal. {remedy}"
    ).strip()
