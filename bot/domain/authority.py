"""Who may act: responders and approvers by name, or the members of the incident's channel where nobody is named. Pure."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["responder", "approver"]

_DOING = {"responder": "do this", "approver": "approve a run"}


@dataclass(frozen=True, slots=True)
class Authority:
    """Ids of Slack users (``U…``) and user groups (``S…``), as configured."""

    responders: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()

    def named(self, role: Role) -> tuple[str, ...]:
        """Who is named for this role; empty: the channel's full members have it.

        Approvers may respond, too; where no approver is named, each responder may approve somebody else's run.
        """
        if role == "approver":
            return self.approvers or self.responders
        return (*self.responders, *self.approvers) if self.responders else ()

    @property
    def says(self) -> str:
        """Who may act, in a few words for the card; empty where people are named."""
        if self.responders:
            return ""
        return "Any full member of this channel may act. To name people: responders in mx.toml"

    def refusal(self, role: Role) -> str:
        """Why somebody may not, and who can."""
        named = self.named(role)
        if named:
            kind = "approvers" if role == "approver" and self.approvers else "responders"
            return f"Only {kind} may {_DOING[role]}, and you are none of them: {who(named)}. Ask one of them."
        return (
            f"Only full members of the incident's channel may {_DOING[role]}: no guests, and nobody of another workspace. "
            "Join the channel, or ask somebody who is in it."
        )


def who(named: tuple[str, ...]) -> str:
    """These people and groups, as a sentence names them (``slack:U…`` becomes a name in Slack)."""
    return ", ".join(f"the user group {one}" if one.startswith("S") else f"slack:{one}" for one in named)
