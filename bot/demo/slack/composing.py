"""What Slack's client makes of what a person types: escaped, with mentions, links and channels marked."""

import re
from collections.abc import Iterator

from bot.demo.slack.state import State

_TOKEN = re.compile(
    r"(?P<marked><(?:@[UW][A-Z0-9]+|#[CG][A-Z0-9]+(?:\|[^>]*)?|!(?:here|channel|everyone)|!subteam\^S[A-Z0-9]+)>)"
    r"|(?P<link>https?://[^\s<>|]+)"
    r"|(?P<name>(?<![\w.])[@#][\w.\-]*\w)"
)


def typed(text: str, state: State) -> str:
    """The text of a message as the app sees it.

    ``@Ada`` becomes ``<@U…>`` and ``#incidents`` becomes ``<#C…|incidents>`` where there is one of that name, an
    address is put in angle brackets, and every other ``&``, ``<`` and ``>`` is escaped. What is marked already, as
    ``<@U…>``, is taken as picked from the client's list.
    """
    return "".join(_parts(text, state))


def _parts(text: str, state: State) -> Iterator[str]:
    at = 0
    for match in _TOKEN.finditer(text):
        yield _escaped(text[at : match.start()])
        at = match.end()
        whole = match.group(0)
        if match["marked"]:
            yield whole
        elif match["link"]:
            address = whole.rstrip(".,;:!?)")
            yield f"<{_escaped(address)}>{_escaped(whole[len(address) :])}"
        else:
            yield _named(whole, state) or _escaped(whole)
    yield _escaped(text[at:])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _named(word: str, state: State) -> str | None:
    sign, name = word[0], word[1:].lower()
    if sign == "#":
        found = next((each for each in state.channels.values() if each.name == name), None)
        return None if found is None or found.private else f"<#{found.id}|{found.name}>"
    if name in {"here", "channel", "everyone"}:
        return f"<!{name}>"
    for person in state.people.values():
        if name in {person.name.lower(), person.name.lower().replace(" ", ".")}:
            return f"<@{person.id}>"
    for group, (handle, _) in state.groups.items():
        if name == handle.lower():
            return f"<!subteam^{group}>"
    return None
