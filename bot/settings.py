"""The table of every setting: its variable, its place in mx.toml, how it is read, what it is when unset."""

from dataclasses import dataclass
from datetime import time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot import parse, parse_calendar
from bot.domain.assessment import Severity
from bot.maintainx import DEFAULT_BASE_URL, DEFAULT_STATUS_URL, POLLED

Table = Literal["bot", "gateway", "integrations"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its variable (None: mx.toml only), its table and key, how it is read, what it is when unset."""

    variable: str | None
    table: Table
    key: str
    parse: parse.Parser
    default: Any = None


_TOKEN = parse.shaped(
    r"xox[a-z.-]+-?\S{6,}", "a bot token starts with xoxb- (OAuth & Permissions in the app's settings)"
)
_APP_TOKEN = parse.shaped(
    r"xapp-\S{6,}", "an app-level token starts with xapp- (Basic Information, App-Level Tokens)"
)
_SIGNING = parse.shaped(
    r"[0-9a-fA-F]{16,64}", "a signing secret is 32 hexadecimal digits (Basic Information)"
)
_LINK_SECRET = parse.shaped(
    r"\S{16,}", "write 16 characters or more that nobody can guess: openssl rand -hex 32"
)

ONLINE_URLS = ("https://www.gstatic.com/generate_204", "https://cloudflare.com/cdn-cgi/trace")
"""Addresses of two others than MaintainX that answer anybody who is online."""

SETTINGS: tuple[Setting, ...] = (
    Setting("SLACK_BOT_TOKEN", "bot", "bot_token", _TOKEN),
    Setting("SLACK_SIGNING_SECRET", "bot", "signing_secret", _SIGNING),
    Setting("SLACK_APP_TOKEN", "bot", "app_token", _APP_TOKEN),
    Setting("SLACK_API_URL", "bot", "api_url", parse.http_url, "https://slack.com/api/"),
    Setting("PORT", "bot", "port", parse.whole(0, 65535), 8080),
    Setting("DATABASE_URL", "bot", "database_url", parse.secret, "sqlite:///mx.db"),
    Setting("MX_TIMEZONE", "bot", "timezone", parse.zone, ZoneInfo("UTC")),
    Setting("MX_PUBLIC_URL", "bot", "public_url", parse.http_url),
    Setting("MX_LINK_SECRET", "bot", "link_secret", _LINK_SECRET),
    Setting(None, "bot", "link_days", parse.number(1, 365), 7.0),
    Setting("PAGERDUTY_ROUTING_KEY", "bot", "routing_key", parse.secret),
    Setting(
        "PAGERDUTY_EVENTS_URL", "bot", "events_url", parse.http_url, "https://events.pagerduty.com/v2/enqueue"
    ),
    Setting("PAGERDUTY_WEBHOOK_SECRET", "bot", "pagerduty_webhook_secret", parse.secret),
    Setting(None, "bot", "page_url", parse.http_url),
    Setting(None, "bot", "page_headers", parse_calendar.headers, {}),
    Setting(None, "bot", "page_secret", parse.secret),
    Setting(None, "bot", "page_template", parse.file),
    Setting(None, "bot", "page_from", parse_calendar.severity, Severity.SEV2),
    Setting(None, "bot", "escalation_keys", parse.secrets, ()),
    Setting(None, "bot", "dead_mans_switch_url", parse.http_url),
    Setting(None, "bot", "business_hours", parse_calendar.hours, (time(9), time(17))),
    Setting(None, "bot", "business_days", parse_calendar.days, frozenset(range(5))),
    Setting(None, "bot", "holidays", parse_calendar.holidays, frozenset()),
    Setting(None, "bot", "drills", parse.file),
    Setting(None, "bot", "keep_emoji", parse.emoji, "pushpin"),
    Setting(None, "bot", "summary_at", parse_calendar.hour, time(9)),
    Setting(None, "bot", "ack_lapses_s", parse.number(0, 86400), 3600.0),
    Setting(None, "bot", "online_urls", parse_calendar.http_urls, ONLINE_URLS),
    Setting(None, "bot", "samples_keep_s", parse.number(3600, 30 * 86400), 172800.0),
    Setting(None, "bot", "log_format", parse.one_of("auto", "json", "console"), "auto"),
    Setting(None, "bot", "rounds_at_once", parse.whole(1, 256), 32),
    Setting(None, "bot", "responders", parse.slack_people, ()),
    Setting(None, "bot", "approvers", parse.slack_people, ()),
    Setting(None, "bot", "approval_s", parse.number(30, 86400), 900.0),
    Setting(None, "bot", "playbooks", parse.file),
    Setting(None, "bot", "templates", parse.file),
    Setting("MX_GATEWAY_URL", "gateway", "url", parse.http_url, "http://127.0.0.1:8081"),
    Setting("MX_GATEWAY_TOKEN", "gateway", "token", parse.secret),
    Setting(None, "gateway", "host", parse.text, "0.0.0.0"),  # noqa: S104 - the integration may be in another container
    Setting("MX_GATEWAY_PORT", "gateway", "port", parse.whole(0, 65535), 8081),
    Setting("MX_GATEWAY_DATABASE_URL", "gateway", "database_url", parse.secret, "sqlite:///mx-gateway.db"),
    Setting("MX_BUFFER_KEY", "gateway", "buffer_key", parse.secret),
    Setting(None, "gateway", "max_wait_s", parse.number(0, 300), 20.0),
    Setting(None, "gateway", "retry_share", parse.number(0, 1), 0.1),
    Setting(None, "gateway", "retry_tries", parse.whole(1, 10), 3),
    Setting(None, "gateway", "buffer_max_mb", parse.number(1, 1_000_000), 256.0),
    Setting(None, "gateway", "buffer_max_age_s", parse.number(1, 30 * 86400), 86400.0),
    Setting(None, "gateway", "buffer_keep_s", parse.number(1, 365 * 86400), 7 * 86400.0),
    Setting(None, "gateway", "replay_share", parse.number(0.01, 1), 0.4),
    Setting(None, "gateway", "replay_concurrency", parse.whole(1, 64), 4),
    Setting(None, "gateway", "replay_settle_s", parse.number(0, 600), 15.0),
    Setting(None, "gateway", "replay_skips_webhooks", parse.yes_or_no, False),
    Setting(None, "gateway", "auto_replay", parse.yes_or_no, False),
    Setting(None, "gateway", "down_after", parse.whole(1, 1000), 5),
    Setting(None, "gateway", "stale_paths", parse.read_patterns, ()),
    Setting(None, "gateway", "webhooks_max_mb", parse.number(1, 1_000_000), 64.0),
    Setting(None, "gateway", "webhooks_give_up_s", parse.number(1, 30 * 86400), 86400.0),
    Setting(None, "gateway", "poll_every_s", parse.number(1, 3600), 60.0),
    Setting(None, "gateway", "poll_paths", parse.some_of(*POLLED), ("/workorders",)),
    Setting("MAINTAINX_API_KEY", "integrations", "api_key", parse.raw),
    Setting("MAINTAINX_API_KEY_FILE", "integrations", "api_key_file", parse.file),
    Setting("MAINTAINX_BASE_URL", "integrations", "base_url", parse.http_url, DEFAULT_BASE_URL),
    Setting("MAINTAINX_ORG_ID", "integrations", "org_id", parse.organisation),
    Setting("MAINTAINX_WEBHOOK_SECRET", "integrations", "webhook_secret", parse.secret),
    Setting("INTEGRATION_HEALTH_URL", "integrations", "health_url", parse.http_url),
    Setting("INTEGRATION_WEBHOOK_URL", "integrations", "webhook_url", parse.http_url),
    Setting("MX_STATUS_URL", "integrations", "status_url", parse.http_url, DEFAULT_STATUS_URL),
    Setting("MX_INCIDENT_CHANNEL", "integrations", "incident_channel", parse.slack_channel),
    Setting("MX_INTERVAL_S", "integrations", "interval_s", parse.number(1, 86400), 300.0),
    Setting("MX_INTERVAL_OPEN_S", "integrations", "interval_open_s", parse.number(1, 86400), 30.0),
    Setting(None, "integrations", "watch", parse.yes_or_no, True),
    Setting(None, "integrations", "bad_rounds", parse.whole(1, 100), 2),
    Setting(None, "integrations", "good_rounds", parse.whole(1, 100), 3),
    Setting(None, "integrations", "canary", parse.yes_or_no, False),
    Setting(None, "integrations", "sync_state_file", parse.file),
    Setting(None, "integrations", "sync_stale_s", parse.number(1, 30 * 86400), 900.0),
    Setting(
        None, "integrations", "endpoints", parse.paths, ("/users", "/workorders", "/assets", "/locations")
    ),
    Setting(None, "integrations", "critical", parse.paths, ("/workorders",)),
    Setting(None, "integrations", "slow_ms", parse.number(1, 60000), 2000.0),
    Setting(None, "integrations", "deadline_s", parse.number(0.1, 60), 10.0),
    Setting(None, "integrations", "log_file", parse.file),
    Setting(None, "integrations", "log_unit", parse.text),
    Setting(None, "integrations", "log_command", parse.texts),
    Setting(None, "integrations", "service_container", parse.text),
    Setting(None, "integrations", "service_unit", parse.text),
    Setting(None, "integrations", "docker_socket", parse.file, "/var/run/docker.sock"),
    Setting(None, "integrations", "key_env_file", parse.file),
    Setting(None, "integrations", "key_variable", parse.text, "MAINTAINX_API_KEY"),
    Setting(None, "integrations", "key_command", parse.texts),
    Setting(None, "integrations", "gcp_project", parse.text),
    Setting(None, "integrations", "gcp_region", parse.text, "us-central1"),
    Setting(None, "integrations", "gcp_service", parse.text),
    Setting(None, "integrations", "gcp_secret", parse.text),
    Setting(None, "integrations", "gcp_container", parse.text, ""),
    Setting(None, "integrations", "gcp_secrets_url", parse.http_url),
    Setting(None, "integrations", "gcp_run_url", parse.http_url),
    Setting(None, "integrations", "import_url", parse.http_url),
    Setting(None, "integrations", "import_command", parse.texts, ()),
    Setting(None, "integrations", "openapi_url", parse.http_url),
)

SECRETS = (
    parse.secret,
    parse.secrets,
    parse.raw,
    parse_calendar.headers,
    _TOKEN,
    _APP_TOKEN,
    _SIGNING,
    _LINK_SECRET,
)
"""Parsers whose input is never repeated in a fault."""
