"""Where each key of a TOML document stands: its path, written as a fault writes it, and the line. Pure.

The document has been read by ``tomllib`` before, so this scanner takes its form for granted and only counts lines.
"""

import json
import re
from collections.abc import Iterator, Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[^\s,\]}#]+")
_TRIPLE = {'"': re.compile(r'"{3,5}'), "'": re.compile(r"'{3,5}")}

Path = tuple[str | int, ...]


def key_name(key: str) -> str:
    """A key as a path shows it: bare where it may be, else in quotes."""
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def path_name(path: Path) -> str:
    """A path as a fault shows it: ``steps[2].rate_per_s``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{key_name(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def lines_of(text: str) -> Mapping[str, int]:
    """The line of every key, table and element of a document that ``tomllib`` reads, by its path's name."""
    return {path_name(path): line for path, line in _Scan(text.replace("\r\n", "\n")).found.items()}


def line_at(lines: Mapping[str, int], path: str) -> int | None:
    """The line of this path; of the table that lacks it where it is missing, and None where nothing shows it."""
    while path:
        if path in lines:
            return lines[path]
        path = _above(path)
    return None


def _above(path: str) -> str:
    """The path without its last part, which may be a key in quotes."""
    ends = [0, *(match.end() for match in _PART.finditer(path))]
    if ends[-1] != len(path):  # not a path that a fault of ours writes
        return ""
    return path[: ends[-2]] if len(ends) > 1 else ""


_PART = re.compile(r'\.?(?:"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+)|\[\d+\]')


class _Scan:
    """One walk over the text; ``found`` holds the line of each path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._implied: set[Path] = set()
        self._length: dict[Path, int] = {}
        self.found: dict[Path, int] = {}
        table: Path = ()
        while self._skip() < len(text):
            if text.startswith("[[", self._at):
                table = self._header(2)
            elif text.startswith("[", self._at):
                table = self._header(1)
            else:
                self._pair(table)

    def _here(self) -> int:
        """The line of the place that the walk has reached."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _skip(self) -> int:
        """Step over white space, newlines and comments; where the walk is then."""
        text, at = self._text, self._at
        while at < len(text):
            if text[at] == "#":
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            elif text[at] in " \t\n\ufeff":
                at += 1
            else:
                break
        self._at = at
        return at

    def _header(self, brackets: int) -> Path:
        line = self._here()
        self._at += brackets
        keys = tuple(self._keys())
        self._at += brackets
        *above, last = keys
        path: Path = self._inside((), above, line)
        path = (*path, last)
        if brackets == 1:
            self._note(self._latest(path), line)
            return self._latest(path)
        self._note(path, line)
        self._length[path] = self._length.get(path, -1) + 1
        element = (*path, self._length[path])
        self._note(element, line)
        return element

    def _inside(self, table: Path, keys: list[str], line: int) -> Path:
        """The table that these keys lead to; those that nothing has named yet are implied here."""
        path = table
        for key in keys:
            path = self._latest((*path, key))
            if path not in self.found:
                self.found[path] = line
                self._implied.add(path)
        return path

    def _latest(self, path: Path) -> Path:
        """In an array of tables, its latest element is meant."""
        return (*path, self._length[path]) if path in self._length else path

    def _note(self, path: Path, line: int) -> None:
        if path not in self.found or path in self._implied:
            self.found[path] = line
            self._implied.discard(path)

    def _pair(self, table: Path) -> None:
        line = self._here()
        *above, last = self._keys()
        self._at += 1  # the equals sign
        path = (*self._inside(table, above, line), last)
        self._note(path, line)
        self._skip()
        self._value(path)

    def _keys(self) -> Iterator[str]:
        """The parts of a dotted key, up to what follows it."""
        while True:
            self._blanks()
            yield self._key()
            self._blanks()
            if self._text[self._at] != ".":
                return
            self._at += 1

    def _blanks(self) -> None:
        while self._text[self._at] in " \t":
            self._at += 1

    def _key(self) -> str:
        start = self._at
        match self._text[start]:
            case '"':
                self._string()
                return _unescaped(self._text[start + 1 : self._at - 1])
            case "'":
                self._string()
                return self._text[start + 1 : self._at - 1]
            case _:
                bare = _BARE.match(self._text, start)
                assert bare is not None
                self._at = bare.end()
                return bare[0]

    def _value(self, path: Path) -> None:
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._string()
            case _:
                # A date and its time may have a blank between them; what is left of it stands before the line's end.
                word = _WORD.match(self._text, self._at)
                assert word is not None
                self._at = word.end()
                if clock := _CLOCK.match(self._text, self._at):
                    self._at = clock.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip()] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            element = (*path, index)
            self._note(element, self._here())
            self._value(element)
            index += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip()] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _string(self) -> None:
        """Step over a string of any of the four forms."""
        text, quote = self._text, self._text[self._at]
        if text.startswith(quote * 3, self._at):
            self._at += 3
            while not (end := _TRIPLE[quote].match(text, self._at)):
                self._at += 2 if quote == '"' and text[self._at] == "\\" else 1
            self._at = end.end()
            return
        self._at += 1
        while text[self._at] != quote:
            self._at += 2 if quote == '"' and text[self._at] == "\\" else 1
        self._at += 1


_CLOCK = re.compile(r" \d\d:\d\d\S*?(?=[\s,\]}#]|$)")


def _unescaped(text: str) -> str:
    r"""A basic string's text; TOML's ``\UXXXXXXXX`` is the one escape that JSON does not have."""
    wide = re.sub(
        r"\\(?:U([0-9A-Fa-f]{8})|(.))",
        lambda found: json.dumps(chr(int(found[1], 16)))[1:-1] if found[1] else found[0],
        text,
    )
    return str(json.loads(f'"{wide}"', strict=False))
