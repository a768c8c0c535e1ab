"""A team's own templates go before ours; a broken one names its file and line, and ours is used."""

from pathlib import Path

import pytest

from bot.templating import Templates
from tests.test_report import outage
from tests.test_report_facts import written


def own(folder: Path, text: str, name: str = "incident_report.md.j2") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def test_an_own_template_is_filled_in_and_the_others_stay_ours(tmp_path: Path) -> None:
    made = written(outage(), own=own(tmp_path, "Ours: {{ report.severity }} {{ report.timeline[0].text }}"))
    assert made.markdown == "Ours: SEV-2 Triage started"
    assert "<h1>Incident report" in made.html
    assert made.faults == ()


def test_an_own_template_is_escaped_like_ours(tmp_path: Path) -> None:
    own(tmp_path, "{{ word }}", "a.html.j2")
    own(tmp_path, "{{ word }}", "a.md.j2")
    templates = Templates(tmp_path)
    assert templates.render("a.html.j2", word="<b>&\x00").text == "&lt;b&gt;&amp; "
    assert templates.render("a.md.j2", word="*a*\n# b").text == "\\*a\\* # b"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("# ok\n\n{% if report.severity %}\n", 3, "Unexpected end of template"),
        ("a\n{{ report.severity }\n", 2, "unexpected '}'"),
        ("a\nb\n{{ report.nothing_such }}\n", 3, "has no attribute 'nothing_such'"),
        ("{{ surprise }}", 1, "'surprise' is undefined"),
        ("a\n\n{{ 1 // 0 }}", 3, "ZeroDivisionError"),
        ("a\n{% include 'not_there.j2' %}", 2, "not_there.j2"),
        ("a\n{{ report.__class__ }}", 2, "unsafe"),
    ],
)
def test_a_broken_template_names_its_file_and_line_and_ours_is_used(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    made = written(outage(), own=own(tmp_path, text))
    (fault,) = made.faults
    assert fault.startswith(f"{tmp_path.name}/incident_report.md.j2, line {line}: ")
    assert what in fault
    assert fault.endswith("the shipped template is used until it is mended")
    assert made.markdown == written(outage()).markdown


def test_a_broken_picture_does_not_break_the_page(tmp_path: Path) -> None:
    made = written(outage(), own=own(tmp_path, "<svg>{{ oh }}</svg>", "incident_picture.svg.j2"))
    assert "incident_picture.svg.j2, line 1" in made.faults[0]
    assert 'class="mx-picture"' in made.html


def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(Exception, match="report"):
        Templates().render("incident_report.md.j2")


def test_a_folder_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    assert written(outage(), own=tmp_path / "none").markdown == written(outage()).markdown


def test_nobody_turns_the_words_behind_theirs_around(tmp_path: Path) -> None:
    own(tmp_path, "{{ word }}|", "a.html.j2")
    own(tmp_path, "{{ word }}|", "a.md.j2")
    templates = Templates(tmp_path)
    for name in ("a.html.j2", "a.md.j2"):
        assert templates.render(name, word="a\u202eb\u2067c").text == "a b c|"
        assert templates.render(name, word="\u05d0\u200f").text == "\u05d0\u200f|", "Hebrew stays as it is"


def test_what_reads_like_an_entity_is_shown_as_it_was_written(tmp_path: Path) -> None:
    templates = Templates(own(tmp_path, "{{ word }}", "a.md.j2"))
    assert templates.render("a.md.j2", word="&lt;b&gt; &#60; a & b").text == "\\&lt;b\\&gt; \\&#60; a & b"
