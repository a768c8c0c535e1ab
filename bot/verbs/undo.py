"""``mx undo``: take a playbook back from a terminal, after showing what that does."""

import click

from bot.verbs.running import to_the_end


@click.command("undo")
@click.argument("playbook")
@click.option("--integration", help="Whose open incident; needed where several are configured.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def command(playbook: str, integration: str | None, *, yes: bool) -> None:
    """Undo PLAYBOOK, which is switched on: shows the plan, asks once, waits for the end.

    Exits with 0 when all of it was done, 1 otherwise.
    """
    to_the_end(integration, playbook=playbook, mode="undo", yes=yes)
