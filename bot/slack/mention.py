"""``@mx VERB``: the same verbs as ``/mx``, also in threads; where a verb opens a dialog, the answer carries its button."""

import re

from bot.slack import blocks, commands
from bot.slack.dialogs import NeedsClick
from bot.slack.edge import Asked, Edge
from bot.slack.limits import say


def words_of(text: str, me: str) -> str:
    """What stands behind the first mention of the bot, as it was typed."""
    found = re.search(rf"<@{re.escape(me)}(?:\|[^>]*)?>", text) if me else None
    behind = text[found.end() :] if found else re.sub(r"^\s*<@[^>]*>", "", text)
    return behind.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip(" \t\n,:")


async def answer(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """The private answer to the words; raises MxError with a sentence for the person."""
    try:
        return await commands.answer(edge, asked, words)
    except NeedsClick as needed:
        press = needed.press
        text = say("A mention cannot open a dialog; this button can.")
        button = blocks.button(needed.label, action=press.action, value=press.value, style="primary")
        return blocks.private(text, [blocks.section(text), *blocks.actions([button])])
