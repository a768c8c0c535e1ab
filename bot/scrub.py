"""One scrubber for every text that comes from people or from outside, before it is stored, logged or shown."""

import re
from collections.abc import Iterable

_SHAPES = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 [redacted]"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"), "[redacted JWT]"),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{6,}"), "[redacted Slack token]"),
    (re.compile(r"\bxapp-[A-Za-z0-9-]{6,}"), "[redacted Slack token]"),
    (re.compile(r"(/incidents(?:/[\w.-]{1,64})?\?key=)[\w.-]{20,}"), r"\1[redacted]"),
    (re.compile(r"(?i)https://hooks\.slack\.com/\S+"), "[redacted Slack URL]"),
    (
        re.compile(
            r"(?i)\b(api[_-]?key|token|secret|password|authorization)(\"?\s*[:=]\s*\"?)(?!\[redacted|bearer\s|basic\s|\$)[^\s\"',;&]{6,}"
        ),
        r"\1\2[redacted]",
    ),
)

_TELLTALES = (
    "bearer",
    "basic",
    "eyj",
    "xox",
    "xapp-",
    "hooks.slack",
    "key",
    "token",
    "secret",
    "password",
    "authorization",
)
"""One of these is in every text that a shape above finds, in lower case; looking for them first is ten times as fast."""


_HEAD = 6
"""A secret is at least so long: shorter would hide words."""
_FEW = 8


class Scrubber:
    """Hides configured secrets by value, and anything that has a secret's shape."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._by_head: dict[str, list[str]] = {}
        """Each secret under its first characters, so that a thousand keys are not looked for one by one."""
        self._known: set[str] = set()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str | None) -> None:
        """A secret that came later (a rotated key) is hidden from now on."""
        bare = (secret or "").strip()
        if len(bare) >= _HEAD and bare not in self._known:
            self._known.add(bare)
            self._by_head.setdefault(bare[:_HEAD], []).append(bare)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for value in sorted(self._met(text), key=len, reverse=True):
            text = text.replace(value, "[redacted]")
        lowered = text.lower()
        for telltale in _TELLTALES:
            if telltale in lowered:
                break
        else:
            if text.isascii():  # beyond ASCII, "any case" means more than lower() knows
                return text
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text

    def _met(self, text: str) -> Iterable[str]:
        """The secrets that may be in the text; all of them where they are few."""
        if len(self._known) <= _FEW:
            return self._known
        heads = self._by_head.keys() & {text[at : at + _HEAD] for at in range(len(text) - _HEAD + 1)}
        return [value for head in heads for value in self._by_head[head]]
