"""The line of every key of a TOML document: whatever its form, a fault names the line where its value stands, or none."""

import json
import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.playbook import load
from bot.playbook_form import line_of
from bot.toml_lines import lines_of, path_name

HARD = '''# name = "not this"
name = """
[[steps]]
kind = "in a text"  # and \\""" [params.x]
"""
'title' = \'\'\'
button = "no"\'\'\' # when = 1
"but\\u0074on" . "deep er" = 1
fits = [ # ] not the end
  "a", "]", '[[steps]]',

  "b",
]
site."google.com".x = { y = 1, "z z" = [ { k = 1 }, { k = 2 } ] }
since = 1979-05-27 07:32:00Z # a blank within

[params.rate_per_s] # [other]
type = "number"

[ params . "odd.name" ]
type = "text"

[[steps]]
kind = "gateway"
[steps.json]
a.b = 1
[[steps.list]]
x = 1
[[steps.list]]
x = 2

[[ "steps" ]]
kind = """""quoted""\\
  """
after = 1979-05-27
[steps.json]
a = 3
'''


def line(text: str, start: str, after: int = 0) -> int:
    """The number of the first line that begins so, after another."""
    return next(
        number
        for number, found in enumerate(text.split("\n"), start=1)
        if number > after and found.startswith(start)
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_form_of_a_key_is_found_where_it_stands(newline: str) -> None:
    tomllib.loads(HARD)
    second = line(HARD, '[[ "steps" ]]')
    at = {
        "name": 2,
        "title": 6,
        "button": 8,
        'button."deep er"': 8,
        "fits": 9,
        "fits[1]": 10,
        "fits[3]": 12,
        'site."google.com".x.y': line(HARD, "site"),
        'site."google.com".x."z z"[1].k': line(HARD, "site"),
        "since": line(HARD, "since"),
        "params.rate_per_s": line(HARD, "[params"),
        "params.rate_per_s.type": line(HARD, "[params") + 1,
        'params."odd.name".type': line(HARD, "[ params") + 1,
        "steps": line(HARD, "[[steps]]", after=5),
        "steps[0].kind": line(HARD, 'kind = "gateway"'),
        "steps[0].json.a.b": line(HARD, "a.b"),
        "steps[0].list[1].x": line(HARD, "x = 2"),
        "steps[1]": second,
        "steps[1].kind": second + 1,
        "steps[1].after": second + 3,
        "steps[1].json": second + 4,
        "steps[1].json.a": second + 5,
    }
    text = HARD.replace("\n", newline)
    assert {path: line_of(text, path) for path in at} == at


def test_a_key_that_is_missing_is_told_at_its_table_and_without_one_nowhere() -> None:
    assert line_of(HARD, "steps[1].rate_per_s") == line(HARD, '[[ "steps" ]]')
    assert line_of(HARD, "steps[0].json.nothing") == line(HARD, "[steps.json]")
    assert line_of(HARD, "params.rate_per_s.title") == line(HARD, "[params.rate_per_s]")
    assert line_of(HARD, "when") is None, "the head of the document has no line of its own"
    assert line_of(HARD, "no path: [of] ours") is None
    assert line_of("", "steps") is None


KEYS = st.one_of(
    st.sampled_from(
        ["kind", "a", "steps", "x-1", "1", "a.b", "a b", "#", "[[steps]]", "=", '"', "é", "\t", ""]
    ),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=6),
)
TEXTS = st.sampled_from(
    ["", "[[steps]]", 'kind = "x"', "# no", "]", "}", "a\nb = 1\n[c]\n", "it's", '"', "\\", "\u2028x"]
)
PLAIN = st.one_of(st.integers(-9, 9), st.booleans(), TEXTS, st.sampled_from([1.5, -0.25]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@dataclass
class Writer:
    """Writes a document in forms that hypothesis chooses, and remembers the line of each path."""

    data: st.DataObject
    text: str = ""
    lines: dict[str, int] = field(default_factory=dict)

    def one_of(self, *forms: str) -> str:
        return self.data.draw(st.sampled_from(forms))

    def mark(self, path: tuple[str | int, ...]) -> None:
        self.lines[path_name(path)] = self.text.count("\n") + 1

    def key(self, key: str) -> str:
        forms = [json.dumps(key, ensure_ascii=False), json.dumps(key)]
        if key.isascii() and key.replace("-", "").replace("_", "").isalnum():
            forms.append(key)
        if "'" not in key and key.isprintable():
            forms.append(f"'{key}'")
        surrogates = "\\ud" in forms[1]
        return self.one_of(*(one for one in forms if not (surrogates and one == forms[1])))

    def value(self, path: tuple[str | int, ...], value: Any, *, inline: bool = False) -> None:
        match value:
            case bool():
                self.text += str(value).lower()
            case str():
                self.string(value, inline=inline)
            case list():
                self.text += "["
                for index, one in enumerate(value):
                    self.text += self.one_of("", " ", "\n", " # ], }\n\n")
                    self.mark((*path, index))
                    self.value((*path, index), one, inline=True)
                    self.text += self.one_of(",", " ,", "\n,") if index + 1 < len(value) else ""
                self.text += self.one_of("", ",", "\n") + "]" if value else "]"
            case dict():
                self.text += "{ "
                for index, (key, one) in enumerate(value.items()):
                    self.text += ", " if index else ""
                    self.mark((*path, key))
                    self.text += f"{self.key(key)} = "
                    self.value((*path, key), one, inline=True)
                self.text += " }"
            case _:
                self.text += json.dumps(value)

    def string(self, value: str, *, inline: bool) -> None:
        forms = [json.dumps(value, ensure_ascii=False)]
        if "\\" not in value and '"' not in value:
            forms.append(f'"""\n{value}"""')
            forms.append(f'"""\\\n  {value}"""' if value[:1].strip() else forms[0])
        if "'" not in value:
            forms.append(f"'''\n{value}'''")
            forms += [f"'{value}'"] if "\n" not in value else []
        self.text += self.one_of(*forms)

    def pairs(self, table: tuple[str | int, ...], found: dict[str, Any]) -> None:
        for key, value in found.items():
            self.text += self.one_of("", "\n", "# [[steps]]\n", "  ")
            self.mark((*table, key))
            if isinstance(value, dict) and value and self.data.draw(st.booleans()):
                for number, (inner, one) in enumerate(value.items()):
                    if number:
                        self.text += "\n"
                    else:
                        self.mark((*table, key))
                    self.mark((*table, key, inner))
                    self.text += f"{self.key(key)} . {self.key(inner)}="
                    self.value((*table, key, inner), one)
            else:
                self.text += f"{self.key(key)}{self.one_of('=', ' = ')}"
                self.value((*table, key), value)
            self.text += self.one_of("\n", " # x = 1\n")


TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.data(), TABLES, st.dictionaries(KEYS, TABLES, max_size=3), KEYS, st.lists(TABLES, max_size=3))
def test_a_generated_document_is_known_line_by_line(
    data: st.DataObject,
    head: dict[str, Any],
    tables: dict[str, dict[str, Any]],
    name: str,
    several: list[dict[str, Any]],
) -> None:
    writer = Writer(data)
    expected: dict[str, Any] = dict(head)
    writer.pairs((), head)
    for key, table in tables.items():
        if key not in expected:
            writer.mark((key,))
            writer.text += f"[ {writer.key(key)} ]{writer.one_of('', ' # [x]')}\n"
            writer.pairs((key,), table)
            expected[key] = table
    if several and name not in expected:
        writer.mark((name,))
        for index, table in enumerate(several):
            writer.mark((name, index))
            writer.text += f"[[{writer.key(name)}]]\n"
            writer.pairs((name, index), table)
        expected[name] = several
    assert tomllib.loads(writer.text) == expected
    assert lines_of(writer.text) == writer.lines
    assert lines_of(writer.text.replace("\n", "\r\n")) == writer.lines


GOOD: dict[str, Any] = {
    "name": "a",
    "title": "A",
    "button": "A",
    "when": "Ever.",
    "fits": [],
    "who": "approvers",
    "needs_key": True,
}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(GOOD)), st.booleans())
def test_the_one_wrong_value_is_told_at_the_line_where_it_stands(
    data: st.DataObject, wrong: str, windows: bool
) -> None:
    writer = Writer(data)
    head = {key: GOOD[key] for key in data.draw(st.permutations(sorted(GOOD)))} | {wrong: -3}
    writer.pairs((), head)
    writer.pairs((), {"steps": [{"kind": "still"}]})
    text = writer.text.replace("\n", "\r\n") if windows else writer.text
    with pytest.raises(ConfigError) as refused:
        load(text, source="own.toml", steps={"still": Still()})  # type: ignore[dict-item] # only its check is asked
    (fault,) = refused.value.faults
    assert fault.startswith(f"own.toml:{writer.lines[wrong]}: {wrong}: ")


class Still:
    """A kind that takes any values."""

    def check(self, values: object) -> tuple[str, ...]:
        return ()


ODD = st.one_of(
    VALUES,
    st.sampled_from([float("nan"), float("inf"), 10**400, -(10**400), "number", "choice", "yes-no", "{p}"]),
)


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case float():
            return str(value)
        case _:
            return json.dumps(value)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*GOOD, "params", "steps", "at_expiry", "touches"]), ODD),
    st.dictionaries(st.sampled_from(["type", "title", "default", "low", "high", "choices", "x"]), ODD),
    st.dictionaries(st.sampled_from(["kind", "title", "timeout_s", "ask", "x", "within_s"]), ODD),
)
def test_whatever_stands_in_a_playbook_is_read_or_refused_with_its_place(
    head: dict[str, Any], param: dict[str, Any], step: dict[str, Any]
) -> None:
    table = {**GOOD, "params": {"p": {"type": "number", "title": "P", **param}}}
    table |= {"steps": [{"kind": "still", **step}], **head}
    text = "\n".join(f"{json.dumps(key)} = {_toml(value)}" for key, value in table.items())
    assert all(fault.startswith("own.toml:") for fault in faults_in(text))


def faults_in(text: str) -> tuple[str, ...]:
    """What is wrong with this playbook."""
    try:
        load(text, source="own.toml", steps={"still": Still()})  # type: ignore[dict-item] # only its check is asked
    except ConfigError as error:
        return error.faults
    return ()
