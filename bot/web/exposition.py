"""Prometheus's text format: families in, lines out. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from bot.meter import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(families: Iterable[Family]) -> str:
    """Every family with its help, type and samples."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_help(family.says)}"
    yield f"# TYPE {family.name} {family.kind}"
    for suffix, labels, value in family.samples():
        yield f"{family.name}{suffix}{_labels(labels)} {value:.15g}"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escaped(value: str) -> str:
    return _help(value).replace('"', r"\"")
