"""The key in an env file: one value is replaced, everything else stays, and the way back overwrites nobody."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.errors import OutsideError
from bot.steps.envfile import EnvFile

OLD, NEW = "old-key-0123456789", "eyJhbGciOi.eyJvcmc_-9.c2lnLW_5"
KEY = SecretStr(NEW)
NOBODY = 65534
"""The user who owns nothing."""


def file_with(folder: Path, content: bytes, mode: int = 0o640) -> Path:
    path = folder / "integration.env"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def read_by_a_shell(path: Path) -> str:
    told = subprocess.run(
        ["sh", "-c", f'. {path}; printf %s "$MAINTAINX_API_KEY"'], capture_output=True, check=True
    )
    return told.stdout.decode()


async def rotated(path: Path) -> bytes:
    store = EnvFile(path)
    await store.take(await store.add(KEY))
    return bytes_of(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=1\nMAINTAINX_API_KEY=%s\nB=2\n", b"A=1\nMAINTAINX_API_KEY=%s\nB=2\n"),
        (b"A=1\r\nMAINTAINX_API_KEY=%s\r\nB=2", b"A=1\r\nMAINTAINX_API_KEY=%s\r\nB=2"),
        (b'MAINTAINX_API_KEY="%s"\n', b'MAINTAINX_API_KEY="%s"\n'),
        (b"export MAINTAINX_API_KEY='%s' # of ana\n", b"export MAINTAINX_API_KEY='%s' # of ana\n"),
        (b"  MAINTAINX_API_KEY=%s # of ana\n", b"  MAINTAINX_API_KEY=%s # of ana\n"),
        (b"#MAINTAINX_API_KEY=%s\nMY_MAINTAINX_API_KEY=x\nMAINTAINX_API_KEY=\n", None),
        (b"A=\xff\xfe\n\nMAINTAINX_API_KEY=%s\n\n# end", b"A=\xff\xfe\n\nMAINTAINX_API_KEY=%s\n\n# end"),
        (b"MAINTAINX_API_KEY=%s\nMAINTAINX_API_KEY=%s\n", b"MAINTAINX_API_KEY=%s\nMAINTAINX_API_KEY=%s\n"),
    ],
)
async def test_one_value_is_replaced_and_every_other_byte_stays(
    tmp_path: Path, before: bytes, after: bytes | None
) -> None:
    content = before.replace(b"%s", OLD.encode())
    expected = (
        after.replace(b"%s", NEW.encode())
        if after is not None
        else content.replace(b"\nMAINTAINX_API_KEY=\n", b"\nMAINTAINX_API_KEY=" + NEW.encode() + b"\n")
    )
    path = file_with(tmp_path, content)
    assert await rotated(path) == expected
    store = EnvFile(path)
    assert await store.back({"takes": "1"}) == f"MAINTAINX_API_KEY in {path} is the key that was there again"
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"A=1", b"A=1\n"])
async def test_a_variable_that_is_not_there_comes_last(tmp_path: Path, content: bytes) -> None:
    path = file_with(tmp_path, content)
    whole = content + (b"\n" if content and not content.endswith(b"\n") else b"")
    assert await rotated(path) == whole + b"MAINTAINX_API_KEY=" + NEW.encode() + b"\n"


async def test_a_shell_reads_the_new_key(tmp_path: Path) -> None:
    path = file_with(tmp_path, b'B="x y"\nexport MAINTAINX_API_KEY="old" # of ana\n')
    await rotated(path)
    assert read_by_a_shell(path) == NEW


async def test_mode_and_link_stay_and_what_is_kept_is_private(tmp_path: Path) -> None:
    path = file_with(tmp_path, b"MAINTAINX_API_KEY=old\n", mode=0o640)
    link = tmp_path / "current.env"
    link.symlink_to(path)
    await rotated(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    kept = [one for one in inside(tmp_path) if ".mx-key-" in one.name]
    assert [one.name for one in kept] == [".current.env.mx-key-1", ".current.env.mx-key-1.before"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
    assert not [one for one in inside(tmp_path) if one.suffix == ".tmp"]


async def test_the_versions_tell_what_is_in_use(tmp_path: Path) -> None:
    path = file_with(tmp_path, b"MAINTAINX_API_KEY=old\n")
    store = EnvFile(path)
    assert await store.before() == {"version": "", "latest": "", "file": str(path)}
    assert await store.latest() is None
    assert await store.add(KEY) == "1"
    assert await store.add(KEY) == "1", "the same rotation, begun once more"
    assert await store.taken("1") is False
    assert (
        await store.take("1")
        == f"MAINTAINX_API_KEY in {path} is the new key; the one before is kept in {tmp_path}/.integration.env.mx-key-1.before"
    )
    assert await store.take("1") == f"MAINTAINX_API_KEY in {path} is the new key already"
    assert await store.taken("1") is True
    assert await store.latest() == ("1", KEY)
    assert (await store.before())["version"] == "1"


async def test_old_rotations_are_swept(tmp_path: Path) -> None:
    path = file_with(tmp_path, b"MAINTAINX_API_KEY=old\n")
    store = EnvFile(path)
    for n in range(4):
        await store.take(await store.add(SecretStr(f"key-number-{n}")))
    assert [one.name for one in inside(tmp_path)] == [
        ".integration.env.mx-key-3",
        ".integration.env.mx-key-3.before",
        ".integration.env.mx-key-4",
        ".integration.env.mx-key-4.before",
        "integration.env",
    ]
    await store.back({"takes": "4"})
    assert path.read_bytes() == b"MAINTAINX_API_KEY=key-number-2\n"


async def test_back_overwrites_nobody(tmp_path: Path) -> None:
    path = file_with(tmp_path, b"MAINTAINX_API_KEY=old\n")
    await rotated(path)
    path.write_bytes(b"MAINTAINX_API_KEY=of-somebody-else\n")
    with pytest.raises(OutsideError, match="has been changed since: mx left it at mx's key 1") as caught:
        await EnvFile(path).back({"takes": "1"})
    assert "of-somebody-else" not in str(caught.value)
    assert path.read_bytes() == b"MAINTAINX_API_KEY=of-somebody-else\n"


async def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    missing = EnvFile(tmp_path / "none.env")
    with pytest.raises(OutsideError, match="there is none; set key_env_file"):
        await missing.before()
    path = file_with(tmp_path, b"MAINTAINX_API_KEY=old\n")
    with pytest.raises(OutsideError, match="there is no key '7' beside"):
        await EnvFile(path).take("7")
    with pytest.raises(OutsideError, match=r"there is no key '\.\./x' beside"):
        await EnvFile(path).take("../x")
    for odd in ("two words", "a#b", 'a"b', "a$b", "a\nB=1", ""):
        with pytest.raises(OutsideError, match="it holds white space or signs") as caught:
            await EnvFile(path).add(SecretStr(odd))
        assert not odd or odd not in str(caught.value)
    assert path.read_bytes() == b"MAINTAINX_API_KEY=old\n"


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that this process may read and not write; root, who may write everywhere, is nobody meanwhile."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file_with(folder, b"MAINTAINX_API_KEY=old\n", mode=0o644)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o700)


async def test_a_folder_that_may_not_be_written_is_told(closed_folder: Path) -> None:
    with pytest.raises(OutsideError, match="Permission denied; give mx's user the right to write in"):
        await EnvFile(closed_folder / "integration.env").add(KEY)
    assert bytes_of(closed_folder / "integration.env") == b"MAINTAINX_API_KEY=old\n"


_LINES = st.lists(
    st.binary(max_size=30).filter(lambda line: b"MAINTAINX" not in line and b"\n" not in line), max_size=6
)


@settings(deadline=None)  # it syncs a file to the disk, and what a disk takes is not what is asked here
@given(above=_LINES, below=_LINES)
async def test_any_bytes_around_it_stay(
    tmp_path_factory: pytest.TempPathFactory, above: list[bytes], below: list[bytes]
) -> None:
    lines = [*above, b"MAINTAINX_API_KEY=" + OLD.encode(), *below]
    path = file_with(tmp_path_factory.mktemp("env"), b"\n".join(lines) + b"\n")
    lines[len(above)] = b"MAINTAINX_API_KEY=" + NEW.encode()
    assert await rotated(path) == b"\n".join(lines) + b"\n"
