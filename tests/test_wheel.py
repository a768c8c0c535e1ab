"""What users install is the wheel: it carries the templates and the playbooks and runs without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the project's wheel was unpacked, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def mx(installed: Path, *arguments: str) -> str:
    """Run ``mx`` from the unpacked wheel, in a folder without a checkout."""
    env = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}}  # noqa: TID251 - a clean child
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=installed.parent,
        env=env | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_one_import_name_and_what_mx_reads_at_run_time(installed: Path) -> None:
    assert {p.name for p in installed.iterdir() if p.suffix != ".dist-info"} == {"bot"}
    assert (installed / "bot/templates/incident_report.md.j2").is_file()
    assert (installed / "bot/templates/web/incident.html.j2").is_file()
    assert (installed / "bot/web/static/incident.js").is_file()
    shipped = {path.name for path in (ROOT / "bot/demo/browser/static").iterdir()}
    assert {"index.html", "main.js", "page.css", "icon.svg"} <= shipped
    assert {path.name for path in (installed / "bot/demo/browser/static").iterdir()} == shipped
    assert (installed / "bot/templates/fonts/DejaVuSans.ttf").is_file()
    assert (installed / "bot/templates/fonts/LICENSE.txt").is_file()
    assert (installed / "bot/playbooks/rate-limited.toml").is_file()


def test_mx_from_the_wheel_lists_its_verbs_and_its_playbooks(installed: Path) -> None:
    assert "triage" in mx(installed, "--help")
    assert "rate-limited" in mx(installed, "playbooks")
