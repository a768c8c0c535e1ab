"""Whether a file outlives a restart is read from the kernel's list of mounts, and never guessed."""

from pathlib import Path

import pytest

from bot.journal.disk import look

CONTAINER = """\
1 0 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
2 1 0:51 / /proc rw,nosuid - proc proc rw
3 1 0:52 / /dev/shm rw - tmpfs shm rw,size=65536k
4 1 8:1 /volumes/v1 /data rw,relatime master:1 - ext4 /dev/sda1 rw
5 1 8:1 /volumes/v2 /with\\040a\\040space rw,relatime - xfs /dev/sda1 rw
6 4 0:53 / /data/fast rw - tmpfs tmpfs rw
a line of another kernel
"""
MACHINE = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n2 1 0:60 / /tmp rw - tmpfs tmpfs rw\n"
GVISOR = "1 0 0:1 / / rw - 9p none rw,trans=fd\n"


@pytest.mark.parametrize(
    ("path", "keeps", "says"),
    [
        ("/app/mx.db", False, "lies in the container itself (overlay at /)"),
        ("/data/mx.db", True, "outlives a restart (ext4 at /data)"),
        ("/data/fast/mx.db", False, "lies in memory (tmpfs at /data/fast)"),
        ("/database/mx.db", False, "overlay at /"),
        ("/with a space/mx.db", True, "xfs at /with a space"),
    ],
)
def test_a_container_keeps_what_lies_on_a_volume_and_nothing_else(
    tmp_path: Path, path: str, keeps: bool, says: str
) -> None:
    listing = tmp_path / "mountinfo"
    listing.write_text(CONTAINER)
    disk = look(Path(path), setting="DATABASE_URL", listing=listing)
    assert (disk.path, disk.keeps) == (path, keeps)
    assert says in disk.says
    assert ("mount a volume that is kept, and let DATABASE_URL name a file on it" in disk.says) is not keeps


def test_cloud_run_and_a_host_that_starts_anew_keep_nothing_of_their_own(tmp_path: Path) -> None:
    listing = tmp_path / "mountinfo"
    listing.write_text(GVISOR)
    assert look(Path("/app/mx.db"), setting="DATABASE_URL", listing=listing).keeps is False
    listing.write_text(MACHINE)
    heroku = look(Path("/app/mx.db"), setting="DATABASE_URL", platform="Heroku", listing=listing)
    assert heroku.keeps is False
    assert "the disk that Heroku makes anew at each start" in heroku.says


def test_the_latest_mount_at_a_place_is_the_one_that_counts(tmp_path: Path) -> None:
    listing = tmp_path / "mountinfo"
    listing.write_text(CONTAINER + "9 1 0:70 / /data rw - tmpfs tmpfs rw\n")
    assert look(Path("/data/mx.db"), setting="DATABASE_URL", listing=listing).keeps is False


def test_a_system_that_does_not_tell_is_unknown_and_not_well(tmp_path: Path) -> None:
    disk = look(tmp_path / "mx.db", setting="DATABASE_URL", listing=tmp_path / "none")
    assert disk.keeps is None
    assert "make sure that it does" in disk.says


def test_an_ordinary_disk_in_a_container_is_not_taken_for_a_volume(tmp_path: Path) -> None:
    listing, mark = tmp_path / "mountinfo", tmp_path / ".dockerenv"
    listing.write_text(MACHINE)
    at_home = look(Path("/srv/mx.db"), setting="DATABASE_URL", listing=listing, marks=(mark,))
    mark.touch()
    inside = look(Path("/srv/mx.db"), setting="DATABASE_URL", listing=listing, marks=(mark,))
    assert (at_home.keeps, inside.keeps) == (True, None)
