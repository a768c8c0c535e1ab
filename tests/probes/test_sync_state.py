"""What the integration notes of its last sync, in every state in which its file is found."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.integration import Integration
from bot.domain.readings import Reading, Status, SyncDetail
from bot.probes.build import Outside, probes_for
from bot.probes.sync_state import SyncStateProbe
from tests.keys import HeldKey
from tests.wound_clock import START, WoundClock


def probe(file: Path, clock: WoundClock | None = None) -> SyncStateProbe:
    return SyncStateProbe(file=str(file), stale_s=900.0, clock=clock or WoundClock())


async def read(folder: Path, content: bytes) -> Reading:
    file = folder / ".maintainx-sync-state.json"
    file.write_bytes(content)
    return await probe(file).read(samples=3)


def state(at: str, **more: object) -> bytes:
    return json.dumps({"lastSyncAt": at, **more}).encode()


async def test_a_fresh_one_is_the_integrations_word_and_no_proof(tmp_path: Path) -> None:
    found = await read(tmp_path, state("2026-11-23T11:56:00.000Z", workOrderCursor="c-9"))
    assert isinstance(found.detail, SyncDetail)
    assert (found.status, found.detail.age_s, found.detail.stale) == (Status.OK, 240.0, False)
    assert found.says == (
        "the last sync ended about 4 minutes ago by its own word (2026-11-23 11:56 UTC), which alone does not prove "
        "that data came"
    )


async def test_an_old_one_is_failing_and_says_what_is_allowed(tmp_path: Path) -> None:
    found = await read(tmp_path, state("2026-11-23T11:44:59+00:00"))
    assert found.status is Status.FAILING
    assert found.says == (
        "the last sync ended about 15 minutes ago by its own word (2026-11-23 11:44 UTC); 15 minutes are allowed"
    )
    just = await read(tmp_path, state("2026-11-23T11:45:00Z"))
    assert just.status is Status.OK


@pytest.mark.parametrize(
    "first", ["1970-01-01T00:00:00.000Z", "1969-12-31T19:00:00-05:00", "0001-01-01T00:00:00"]
)
async def test_from_the_epoch_no_sync_has_ever_ended(tmp_path: Path, first: str) -> None:
    found = await read(tmp_path, state(first))
    assert found.status is Status.FAILING
    assert "no sync has ended well since it was made" in found.says


async def test_another_zone_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    found = await read(tmp_path, b"\xef\xbb\xbf" + state("2026-11-23T13:58:00+02:00"))
    assert "(2026-11-23 11:58 UTC)" in found.says


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b' {"lastSyncAt": "2026-11-2', "its JSON is broken or breaks off"),
        (b"[" * 50_000, "its JSON is broken or breaks off"),
        (b'{"lastSyncAt": "\xff\xfe"}', "it is not UTF-8 text"),
        (b'{"lastSyncAt": "' + b"2" * 70_000 + b'"}', "it is larger than 64 KiB"),
        (b'["2026-11-23T11:56:00Z"]', 'it holds no "lastSyncAt" with a time'),
        (b'{"lastSyncAt": 1795435200000}', 'it holds no "lastSyncAt" with a time'),
        (b'{"lastSyncAt": "yesterday"}', 'its "lastSyncAt" is not a time'),
        (b'{"lastSyncAt": "0001-01-01T00:00:00+14:00"}', 'its "lastSyncAt" is not a time'),
    ],
)
async def test_what_cannot_be_read_is_unknown_with_the_reason(
    tmp_path: Path, content: bytes, why: str
) -> None:
    found = await read(tmp_path, content)
    assert (found.status, found.detail) == (Status.UNKNOWN, None)
    assert why in found.says
    assert "whether sync_state_file names the right file" in found.says


async def test_half_written_is_looked_at_again_a_moment_later(tmp_path: Path) -> None:
    file, clock = tmp_path / "state.json", WoundClock()
    file.write_bytes(b'{"lastSyn')

    def finish(_: float) -> None:
        file.write_bytes(state("2026-11-23T11:59:00Z"))

    clock.on_tick = finish
    assert (await probe(file, clock).read()).status is Status.OK


async def test_missing_a_folder_a_pipe_or_forbidden_is_unknown(tmp_path: Path) -> None:
    missing = await probe(tmp_path / "nothing.json").read()
    folder = await probe(tmp_path).read()
    os.mkfifo(tmp_path / "pipe")
    pipe = await probe(tmp_path / "pipe").read()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    loop = await probe(tmp_path / "loop").read()
    assert {found.status for found in (missing, folder, pipe, loop)} == {Status.UNKNOWN}
    assert "no sync has ended yet, or it is written elsewhere" in missing.says
    assert "it is a folder, not a file" in folder.says
    assert "it is not a plain file" in pipe.says
    assert "mx's user must be able to read it" in loop.says


async def test_ahead_of_our_clock_it_is_not_believed(tmp_path: Path) -> None:
    ahead = await read(tmp_path, state((START + timedelta(hours=3)).isoformat()))
    assert ahead.status is Status.UNKNOWN
    assert "about 3 hours ahead of mx's clock" in ahead.says
    little = await read(tmp_path, state((START + timedelta(minutes=2)).isoformat()))
    assert isinstance(little.detail, SyncDetail)
    assert (little.status, little.detail.age_s) == (Status.OK, 0.0)


async def test_not_configured_it_is_no_reading_at_all(tmp_path: Path) -> None:
    plain = Integration(base_url="http://127.0.0.1:9", status_url="http://127.0.0.1:9")
    noted = plain.model_copy(update={"sync_state_file": str(tmp_path / "state.json")})
    async with Outside.open(clock=WoundClock(), scrub=str) as outside:
        without = probes_for(plain, key=HeldKey("k"), outside=outside)
        with_it = probes_for(noted, key=HeldKey("k"), outside=outside)
        anothers = probes_for(plain, key=HeldKey("k"), outside=outside, served=False)
    kinds = [[one.kind for one in probes] for probes in (without, with_it, anothers)]  # type: ignore[attr-defined]
    assert ["sync" in found for found in kinds] == [False, True, False]
    assert ["traffic" in found for found in kinds] == [True, True, False]
