"""The templates of the pages, the team's own before ours; one that is broken is told of once in the log."""

import structlog

from bot.templating import Templates


class Filling:
    """Fills in a template of the folder ``web``. What it makes is escaped HTML."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._told: set[str] = set()
        self._log = structlog.get_logger("mx.web")

    def __call__(self, name: str, **values: object) -> str:
        """The text. A fault of the team's own template is logged, and ours is shown."""
        made = self._templates.render(f"web/{name}", **values)
        if made.fault and made.fault not in self._told:
            self._told.add(made.fault)
            self._log.warning("own template passed over", because=made.fault)
        return made.text
