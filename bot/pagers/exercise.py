"""The pager of a drill: it takes what it is asked for and wakes nobody, so that people can practise to ask."""

from bot.ports import Page


class ExercisePager:
    """Says that in earnest somebody would have been woken. Implements ``Pager``."""

    name = "the on-call person (a drill: nobody is woken)"
    reports_as = ""

    async def page(self, page: Page) -> str:  # noqa: ARG002 - the whole signature of the port
        return "in earnest the on-call person would be woken now; this is a drill, and nobody was"

    async def acknowledge(self, dedup: str) -> str:  # noqa: ARG002 - the same
        return "in earnest the pager would be told that somebody has it; this is a drill"

    async def end(self, dedup: str) -> str:  # noqa: ARG002 - the same
        return "in earnest the page would be called off; this is a drill"
