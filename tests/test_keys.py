"""The key that mx itself uses can be exchanged while it runs, and going back overwrites nobody."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.errors import OutsideError
from bot.keys import FileKey, FixedKey, KeyInUse, in_file

NEW = SecretStr("new-key-9876543210")


def test_a_key_of_the_environment_is_exchanged_in_memory() -> None:
    key = KeyInUse(FixedKey("MAINTAINX_API_KEY", "old"))
    assert key.take(NEW) == (
        "mx uses the new key, in memory: a restart brings the old one back. Set MAINTAINX_API_KEY to it"
    )
    assert (key.current(), key.name, in_file(key)) == ("new-key-9876543210", "MAINTAINX_API_KEY", False)
    assert key.back() == "mx uses the key of MAINTAINX_API_KEY again"
    assert key.back() == "mx uses the key of MAINTAINX_API_KEY already"
    assert key.current() == "old"


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_key_of_a_file_is_exchanged_there_and_back_after_a_restart(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b" old\r\n")
    path.chmod(mode)
    key = KeyInUse(FileKey(path))
    assert in_file(key)
    assert key.take(NEW) == f"mx uses the new key; it is in {path}"
    assert key.take(NEW) == f"{path} holds the new key already"
    assert path.read_text() == "new-key-9876543210\n"
    assert {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {
        "key": mode,
        ".key.mx-before": 0o600,
    }
    assert KeyInUse(FileKey(path)).back() == f"{path} holds the key again that was there before"
    assert path.read_bytes() == b" old\r\n"
    assert [one.name for one in tmp_path.iterdir()] == ["key"]
    with pytest.raises(OutsideError, match="what was there is not kept"):
        key.back()


def test_a_file_that_was_not_there_is_private_and_goes_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = KeyInUse(FileKey(path))
    assert key.current() is None
    key.take(NEW)
    assert (key.current(), stat.S_IMODE(path.stat().st_mode)) == ("new-key-9876543210", 0o600)
    key.back()
    assert not path.exists()


def test_a_file_that_somebody_changed_since_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old\n")
    key = KeyInUse(FileKey(path))
    key.take(NEW)
    path.write_text("of somebody else\n")
    with pytest.raises(
        OutsideError, match="has been changed since mx wrote the new key there; it stays as it is"
    ):
        key.back()
    assert path.read_text() == "of somebody else\n"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    key = KeyInUse(FileKey(tmp_path / "none" / "key"))
    with pytest.raises(OutsideError, match=r"keeping the key that was there: .*No such file or directory"):
        key.take(NEW)
