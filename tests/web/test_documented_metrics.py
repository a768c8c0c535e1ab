"""docs/operating.md lists every metric there is, with its type and labels, and no other."""

import re
from pathlib import Path

from bot.domain.book import Book
from bot.lookout import gateway_families
from bot.meter import Family, Meter
from bot.told import Told
from bot.web.pages import families
from bot.web.state import Look
from tests.clock import FakeClock

DOCS = Path(__file__).parent.parent.parent / "docs" / "operating.md"
ROW = re.compile(r"^\| `(mx_\w+)` \| (\w+) \|([^|]*)\| (.+) \|$", re.MULTILINE)


def every_family() -> tuple[Family, ...]:
    """All that /metrics can show."""
    told = Told().families(Book(), now=FakeClock().now())
    return families(Look(families=(*told, *gateway_families(None), *Meter().families())))


def test_the_docs_list_every_family_with_its_type_and_labels_and_no_other() -> None:
    written = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in ROW.findall(DOCS.read_text("utf-8"))
    }
    assert written == {family.name: (family.kind, family.labels) for family in every_family()}


def test_no_label_grows_with_the_number_of_integrations() -> None:
    assert not {label for family in every_family() for label in family.labels} & {"integration", "incident"}
