"""Each integration as the settings describe it, where its key is, and the gateway that serves it."""

from pathlib import Path
from typing import Any

from bot.domain.integration import Integration, LogSpec
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.lanes import Lane
from bot.gateway.settings import GatewaySettings
from bot.gateway.webhooks.settings import WebhookSettings
from bot.keys import FileKey, FixedKey
from bot.ports import KeySource

_LOGS = ("log_file", "log_unit", "log_command")


def integration_of(name: str, found: dict[str, Any], *, beside: Path) -> Integration:
    """The integration that these values describe; relative files lie in the folder ``beside``."""
    return Integration(
        name=name,
        base_url=found["base_url"].rstrip("/"),
        org_id=found["org_id"],
        health_url=found["health_url"] or "http://localhost:3000/health",
        health_configured=found["health_url"] is not None,
        status_url=found["status_url"],
        channel=found["incident_channel"],
        endpoints=tuple(dict.fromkeys(found["endpoints"])),
        critical=found["critical"],
        slow_ms=found["slow_ms"],
        deadline_s=found["deadline_s"],
        log=_log(found, beside=beside),
    )


def key_of(found: dict[str, Any], *, place: str, beside: Path) -> KeySource:
    """Where its key is; ``place`` is what to call it where it is no file."""
    file = found["api_key_file"]
    return FileKey(beside / file) if file else FixedKey(place, found["api_key"])


def gateway_of(
    found: dict[str, Any],
    *,
    integration: Integration,
    described: dict[str, Any],
    database: Path,
    lanes: tuple[Lane, ...],
    proxy: str | None,
    platform: str | None,
) -> GatewaySettings:
    """The gateway's settings: those of ``[gateway]``, and what it must know of the integration it serves."""
    return GatewaySettings(
        upstream=integration.base_url,
        database=database,
        host=found["host"],
        port=found["port"],
        proxy=proxy,
        platform=platform,
        token=found["token"],
        lanes=lanes,
        organisation=integration.org_id or "",
        max_wait_s=found["max_wait_s"],
        retry_share=found["retry_share"],
        retry_tries=found["retry_tries"],
        buffer=BufferSettings(
            key=found["buffer_key"],
            max_bytes=int(found["buffer_max_mb"] * 2**20),
            max_age_s=found["buffer_max_age_s"],
            keep_s=found["buffer_keep_s"],
            replay_share=found["replay_share"],
            concurrency=found["replay_concurrency"],
            settle_s=found["replay_settle_s"],
            auto_replay=found["auto_replay"],
            skip_webhook=found["replay_skips_webhooks"],
            down_after=found["down_after"],
            stale_paths=found["stale_paths"],
        ),
        webhooks=WebhookSettings(
            secret=described["webhook_secret"],
            forward_to=described["webhook_url"],
            max_bytes=int(found["webhooks_max_mb"] * 2**20),
            give_up_s=found["webhooks_give_up_s"],
            keep_s=found["buffer_keep_s"],
            poll_paths=found["poll_paths"],
            poll_every_s=found["poll_every_s"],
        ),
    )


def contradictions(found: dict[str, Any]) -> tuple[str, ...]:
    """Values that are right each for itself and not together, each with what to write instead."""
    faults: list[str] = []
    unasked = [path for path in found["critical"] if path not in found["endpoints"]]
    if unasked:
        faults.append(
            f"critical: {', '.join(unasked)} is not among endpoints, so it would never be asked; add it there, or "
            "name critical ones that are"
        )
    logs = [key for key in _LOGS if found[key]]
    if len(logs) > 1:
        faults.append(f"{' and '.join(logs)}: an integration has one log; keep one of them")
    return tuple(faults)


def _log(found: dict[str, Any], *, beside: Path) -> LogSpec | None:
    if found["log_file"]:
        return LogSpec(kind="file", argument=(str(beside / found["log_file"]),))
    if found["log_unit"]:
        return LogSpec(kind="journald", argument=(found["log_unit"],))
    if found["log_command"]:
        return LogSpec(kind="command", argument=found["log_command"])
    return None
