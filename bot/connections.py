"""Each integration as the settings describe it, where its key is, and the gateway that serves it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # it is there, and not in the stubs

from bot.domain.integration import Integration, KeyStoreSpec, LogSpec, ServiceSpec
from bot.errors import ConfigError
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.lanes import Lane
from bot.gateway.settings import GatewaySettings
from bot.gateway.webhooks.settings import WebhookSettings
from bot.journal.url import sqlite_path
from bot.keys import FileKey, FixedKey
from bot.slack.settings import SlackSettings

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
        service=_service(found),
        key_store=_key_store(found, beside=beside),
        import_url=found["import_url"],
        import_command=found["import_command"],
        openapi_url=found["openapi_url"],
        watch=found["watch"],
        interval_s=found["interval_s"],
        interval_open_s=found["interval_open_s"],
        bad_rounds=found["bad_rounds"],
        good_rounds=found["good_rounds"],
        canary=found["canary"],
        sync_state_file=str(beside / found["sync_state_file"]) if found["sync_state_file"] else None,
        sync_stale_s=found["sync_stale_s"],
    )


def key_of(found: dict[str, Any], *, place: str, beside: Path) -> FileKey | FixedKey:
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
    hosts = [key for key in ("service_container", "service_unit") if found[key]]
    if len(hosts) > 1:
        faults.append(f"{' and '.join(hosts)}: the service is one of them; keep the one that runs it")
    stores = [key for key in ("key_env_file", "key_command", "gcp_secret") if found[key]]
    if len(stores) > 1:
        faults.append(f"{' and '.join(stores)}: the service has its key from one place; keep that one")
    missing = [key for key in ("gcp_project", "gcp_service") if found["gcp_secret"] and not found[key]]
    if missing:
        faults.append(f"gcp_secret: {' and '.join(missing)} must be set with it")
    return tuple(faults)


def _service(found: dict[str, Any]) -> ServiceSpec | None:
    if found["service_container"]:
        socket = str(found["docker_socket"])
        return ServiceSpec(kind="docker", name=found["service_container"], socket=socket)
    return ServiceSpec(kind="systemd", name=found["service_unit"]) if found["service_unit"] else None


def _key_store(found: dict[str, Any], *, beside: Path) -> KeyStoreSpec | None:
    variable = found["key_variable"]
    if found["gcp_secret"]:
        return KeyStoreSpec(
            kind="gcp",
            variable=variable,
            project=found["gcp_project"] or "",
            region=found["gcp_region"],
            service=found["gcp_service"] or "",
            secret=found["gcp_secret"],
            container=found["gcp_container"],
            secrets_url=found["gcp_secrets_url"],
            run_url=found["gcp_run_url"],
        )
    if found["key_env_file"]:
        return KeyStoreSpec(kind="env-file", variable=variable, file=str(beside / found["key_env_file"]))
    if found["key_command"]:
        return KeyStoreSpec(kind="command", variable=variable, argument=found["key_command"])
    return None


def _log(found: dict[str, Any], *, beside: Path) -> LogSpec | None:
    if found["log_file"]:
        return LogSpec(kind="file", argument=(str(beside / found["log_file"]),))
    if found["log_unit"]:
        return LogSpec(kind="journald", argument=(found["log_unit"],))
    if found["log_command"]:
        return LogSpec(kind="command", argument=found["log_command"])
    return None


def proxy_of(env: Mapping[str, str], url: str) -> str | None:
    """The environment's proxy for an https URL, where NO_PROXY does not leave its host out."""
    parts = urlsplit(url)
    found = env.get("HTTPS_PROXY") or env.get("https_proxy")
    if parts.scheme != "https" or not found:
        return None
    left_out = {"no": env.get("NO_PROXY") or env.get("no_proxy") or ""}
    return None if proxy_bypass_environment(parts.hostname or "", left_out) else found


def slack_of(bot: dict[str, Any], *, needed: bool, faults: list[str]) -> SlackSettings | None:
    """Slack's tokens; None where none are set. Adds a fault for each that is needed and missing."""
    if needed and not bot["bot_token"] and not any(f.startswith("SLACK_BOT_TOKEN") for f in faults):
        faults.append(
            "SLACK_BOT_TOKEN: not set; copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions"
        )
    ways = bot["signing_secret"] or bot["app_token"]
    if (
        needed
        and not ways
        and not any(f.startswith(("SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")) for f in faults)
    ):
        faults.append(
            "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN: neither is set; set the signing secret for HTTP mode, "
            "or an app-level token (xapp-…) for Socket Mode"
        )
    if not bot["bot_token"] or not ways:
        return None
    return SlackSettings(
        bot_token=bot["bot_token"],
        signing_secret=bot["signing_secret"],
        app_token=bot["app_token"],
        api_url=bot["api_url"].rstrip("/") + "/",
    )


def database_of(url: str, beside: Path, variable: str, faults: list[str]) -> Path:
    """The file that a database URL names."""
    try:
        return sqlite_path(url, beside=beside)
    except ConfigError as error:
        faults.extend(f"{variable}: {fault}" for fault in error.faults)
        return beside / "mx.db"
