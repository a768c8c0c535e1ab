"""The gateway's own key: handed over while it runs, told by its source alone, and taken back."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.demo.maintainx import FakeMaintainX
from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from bot.keys import FileKey, FixedKey, KeyInUse
from tests.gateway.wires import gateway

NEW = SecretStr("new-key-9876543210")
WHO = {"owner": "cli:ann@host", "reason": "rotation"}


async def test_a_key_is_handed_over_and_taken_back(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start() as mx,
        gateway(mx.origin, tmp_path, key=FixedKey("MAINTAINX_API_KEY", "old-key-012345")) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=None, deadline_s=10) as client,
    ):
        assert await client.key() == {"source": "MAINTAINX_API_KEY", "configured": True}
        put = await client.put_key(NEW, **WHO)
        assert isinstance(put, dict)
        assert put["source"] == "PUT /-/key"
        assert await client.key() == {"source": "PUT /-/key", "configured": True}
        assert await client.drop_key(**WHO) == {
            "source": "MAINTAINX_API_KEY",
            "says": "the gateway uses the configured key again",
        }
        assert await client.drop_key(**WHO) == {
            "source": "MAINTAINX_API_KEY",
            "says": "the gateway uses the configured key already",
        }
        told = await client.events(0)
        assert str(told).count("key_changed") == 2
        assert "new-key" not in str(told)


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_gateway_whose_key_is_in_a_file_names_that_file(tmp_path: Path, *, wrapped: bool) -> None:
    source = FileKey(tmp_path / "key")
    async with (
        FakeMaintainX.start() as mx,
        gateway(mx.origin, tmp_path, key=KeyInUse(source) if wrapped else source) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=None, deadline_s=10) as client,
    ):
        with pytest.raises(
            OutsideError, match=r"the key is read from .*key; write the new one there"
        ) as caught:
            await client.put_key(NEW, **WHO)
        assert "new-key" not in str(caught.value)
        assert await client.key() == {"source": str(tmp_path / "key"), "configured": False}
