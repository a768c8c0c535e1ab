"""The house's own rules: what a linter cannot see, the project checks itself."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "bot").rglob("*.py"))
REFUSED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "core", "misc"}


def _ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=_ids)
def test_a_module_is_one_idea(module: Path) -> None:
    """At most 300 lines, a first line that says what it is, a name that says something."""
    text = module.read_text("utf-8")
    assert text.startswith('"""'), "the first line says what the module is"
    assert text.count("\n") <= 300, "two ideas in one room"
    assert module.stem not in REFUSED_NAMES, "the name says nothing and attracts everything"


def _imports_inside(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom))


@pytest.mark.parametrize("module", MODULES, ids=_ids)
def test_imports_stand_at_the_top(module: Path) -> None:
    found = [n.lineno for n in _imports_inside(ast.parse(module.read_text("utf-8")))]
    assert not found, f"lines {found}"


@pytest.mark.parametrize("module", MODULES, ids=_ids)
def test_nothing_happens_at_import(module: Path) -> None:
    """The top level holds definitions and constants; a bare call would act when the module is read."""
    tree = ast.parse(module.read_text("utf-8"))
    acting = [
        n.lineno
        for n in tree.body
        if (isinstance(n, ast.Expr) and not isinstance(n.value, ast.Constant))
        or isinstance(n, ast.For | ast.While | ast.With | ast.AsyncFor | ast.Try)
    ]
    assert not acting, f"lines {acting}"


def test_the_project_speaks_of_the_project() -> None:
    """No path of a machine and no registry's host stands in anything that is committed."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    words = re.compile(r"/w[o]rk/|/tmp/w[t]|pyp[i]\.org|pythonh[o]sted|npmj[s]\.|deb\.debi[a]n")
    found = [
        name.decode()
        for name in files
        if name
        and (path := ROOT / name.decode()).is_file()
        and words.search(path.read_text("utf-8", errors="ignore"))
    ]
    assert not found
