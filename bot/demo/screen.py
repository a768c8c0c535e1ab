"""What the story prints: narration, what people type, messages as Slack shows them, rates as they are measured."""

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from bot.demo.rates import Rates
from bot.demo.slack.controls import Confirm
from bot.demo.slack.records import Message, View
from bot.demo.slack.render import render, render_confirm, render_view
from bot.demo.slack.workspace import SlackWorkspace

_WIDEST = 96
_BORDER = 4


class Screen:
    """A readable transcript; colours only where the console is a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._seen: set[tuple[str, int]] = set()
        self._shown: dict[str, tuple[str, ...]] = {}

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self.console.print()
        self.console.print(Rule(Text(title, style="bold"), align="left", characters="─"))

    def tell(self, text: str) -> None:
        """The narrator."""
        self.console.print(Text(text, style="italic"))

    def plain(self, text: str) -> None:
        """Lines as they are."""
        self.console.print(Text(text), soft_wrap=True)

    def wrong(self, text: str) -> None:
        """What did not happen."""
        self.console.print(Text(text, style="bold red"))

    def typed(self, person: str, text: str) -> None:
        """What a person types."""
        self.console.print(Text.assemble((f"{person}  ", "bold cyan"), ("> ", "dim"), (text, "bold")))

    def clicked(self, person: str, label: str) -> None:
        """What a person presses."""
        self.console.print(
            Text.assemble((f"{person}  ", "bold cyan"), "clicks ", (f"[ {label} ]", "bold reverse"))
        )

    def rates(self, rates: Rates) -> None:
        """One line of traffic at the gateway."""
        line = Text(f"  {rates.at}  ", style="dim")
        line.append(f"{rates.reached_per_s:4.1f}/s reach MaintainX", style="default")
        for status, per_s in rates.by_status:
            line.append(f"   {status}: {per_s:.1f}/s", style="red" if status >= "400" else "green")
        if rates.held_per_s:
            line.append(f"   held back: {rates.held_per_s:.1f}/s", style="yellow")
        self.console.print(line, soft_wrap=True)

    def lines(self, lines: Sequence[str], *, title: str, style: str = "blue") -> None:
        """Lines in a frame."""
        text = Text("\n".join(lines))
        width = min(self.console.width, _WIDEST)
        self.console.print(Panel(text, title=title, title_align="left", border_style=style, width=width))

    def dialog(self, dialog: Confirm, slack: SlackWorkspace) -> None:
        """The confirmation that a button opens first."""
        lines = render_confirm(dialog, names=names_of(slack), width=self._inner)
        self.lines(lines, title="Slack asks", style="magenta")

    def view(self, view: View, slack: SlackWorkspace) -> None:
        """The dialog that one person has open."""
        lines = render_view(view, names=names_of(slack), width=self._inner)
        self.lines(lines[1:], title=lines[0], style="magenta")

    def message(self, message: Message, slack: SlackWorkspace) -> None:
        """A message as everybody in the channel, or the one person it is for, sees it now."""
        lines = self._lines(message, slack)
        where = f"#{slack.state.channels[message.channel].name}"
        threaded = message.thread_ts not in {None, message.ts}
        title = f"{names_of(slack)(message.user)} in {where}{', in a thread' if threaded else ''}"
        self.lines(lines, title=title, style="yellow" if message.ephemeral_to else "blue")

    def change(self, message: Message, slack: SlackWorkspace) -> None:
        """What is new on a message that was shown before, in the order in which it stands there."""
        shown = set(self._shown.get(message.ts, ()))
        fresh = [line for line in self._lines(message, slack) if line not in shown]
        self.lines(fresh, title="the same message, edited: what is new on it")

    def _lines(self, message: Message, slack: SlackWorkspace) -> tuple[str, ...]:
        self._seen.add((message.ts, len(message.versions)))
        files = [slack.state.files[file].name for file in message.files if file in slack.state.files]
        lines = render(message, names=names_of(slack), files=files, width=self._inner)
        self._shown[message.ts] = lines
        return lines

    def news(self, slack: SlackWorkspace) -> int:
        """Print every message of the app that was not shown in its present form; returns how many."""
        fresh = [
            message
            for message in slack.state.messages
            if message.bot_id
            and not message.deleted
            and (message.ts, len(message.versions)) not in self._seen
        ]
        for message in fresh:
            self.message(message, slack)
        return len(fresh)

    @property
    def _inner(self) -> int:
        return min(self.console.width, _WIDEST) - _BORDER


def names_of(slack: SlackWorkspace) -> "_Names":
    """A look-up from user, channel and group ids to names."""
    return _Names(slack)


class _Names:
    def __init__(self, slack: SlackWorkspace) -> None:
        self._state = slack.state

    def __call__(self, found: str) -> str:
        if found in self._state.people:
            return self._state.people[found].name
        if found in self._state.channels:
            return self._state.channels[found].name
        return self._state.groups[found][0] if found in self._state.groups else found
