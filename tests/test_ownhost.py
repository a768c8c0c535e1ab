"""mx's own machine: only what is nearly used up is spoken of."""

from pathlib import Path

from bot.ownhost import scarce

GIB = 2**30


def meminfo(folder: Path, *, available: int) -> Path:
    path = folder / "meminfo"
    path.write_text(f"MemTotal:       8000000 kB\nMemFree: 1 kB\nMemAvailable:   {available} kB\n")
    return path


def test_nothing_is_said_where_there_is_room(tmp_path: Path) -> None:
    plenty = meminfo(tmp_path, available=4_000_000)
    assert scarce(places=("/",), usage=lambda _: (100 * GIB, 50 * GIB), meminfo=plenty) == ()
    assert scarce(places=("/",), usage=lambda _: (4000 * GIB, 100 * GIB), meminfo=plenty) == (), (
        "a large disk has room at 97 % still"
    )


def test_a_full_disk_and_little_memory_are_said_of_mx_own_machine(tmp_path: Path) -> None:
    found = scarce(
        places=("/", "/."),
        usage=lambda _: (100 * GIB, GIB // 2),
        meminfo=meminfo(tmp_path, available=200_000),
    )
    assert found == (
        "the disk of / on mx's own machine is 100 % full (512 MB free)",
        "mx's own machine is nearly out of memory (195 of 7812 MB are available)",
    )


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    def denied(_: str) -> tuple[int, int]:
        raise PermissionError

    assert scarce(places=("/", "/nowhere"), usage=denied, meminfo=tmp_path / "none") == ()
    (tmp_path / "odd").write_text("MemTotal: many\nMemAvailable:\nx\n")
    assert scarce(places=(), meminfo=tmp_path / "odd") == ()


def test_the_real_machine_can_be_asked() -> None:
    assert all("mx's own machine" in line for line in scarce())
