"""Environment and mx.toml in, frozen and validated settings out: every fault at once, each with its place.

The environment wins over mx.toml and describes the integration ``default``. Which variable is which key is the
table in ``bot/settings.py``; ``mx.example.toml`` and the docs are checked against it.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot import parse
from bot.connections import (
    contradictions,
    database_of,
    gateway_of,
    integration_of,
    key_of,
    proxy_of,
    slack_of,
)
from bot.domain.integration import Integration
from bot.errors import ConfigError
from bot.gateway.lanes import lanes_from
from bot.gateway.settings import GatewaySettings
from bot.keys import FileKey, FixedKey
from bot.ports import KeySource
from bot.scrub import Scrubber
from bot.settings import SECRETS, SETTINGS, Setting, Table
from bot.slack.settings import SlackSettings
from bot.team import BotSettings, bot_of

_PLATFORMS = {"K_SERVICE": "Cloud Run", "DYNO": "Heroku", "RENDER": "Render", "FLY_APP_NAME": "Fly.io"}
"""Variables that a host sets by itself, of hosts that keep nothing of a process's own disk."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process needs to know, valid. Secrets are in ``slack``, ``gateway`` and ``keys`` alone."""

    bot: BotSettings
    slack: SlackSettings | None
    """None where no Slack token is set: the terminal works without."""
    gateway: GatewaySettings
    gateway_url: str
    gateway_key: KeySource
    """The key of the integration that the gateway serves."""
    integrations: Mapping[str, Integration]
    keys: Mapping[str, FileKey | FixedKey]
    secrets: tuple[str, ...] = field(repr=False)
    """Every configured secret, for the scrubber."""
    file: Path | None
    platform: str | None
    """The host whose own disk is new at each start, where it makes itself known; what lies on a volume is kept."""

    @property
    def served(self) -> str:
        """The integration whose requests the gateway takes."""
        return "default" if "default" in self.integrations else next(iter(self.integrations))


def load(
    *, needs_slack: bool = False, env: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """The settings of this process. Raises ConfigError with every fault at once.

    Args:
        needs_slack: the verb cannot work without Slack's tokens.
        env: instead of the process's environment.
        folder: instead of the working directory, where ``mx.toml`` is looked for.
    """
    env = os.environ if env is None else env
    folder = Path.cwd() if folder is None else folder
    faults: list[str] = []
    path, document = _document(env, folder, faults)
    values = _Values(env, document, str(path) if path else "mx.toml", faults)
    values.refuse_unknown()
    bot, gateway = values.table("bot"), values.table("gateway")
    beside = path.parent if path else folder
    slack = slack_of(bot, needed=needs_slack, faults=faults)
    database = database_of(bot["database_url"], beside, "DATABASE_URL", faults)
    gateway_database = database_of(gateway["database_url"], beside, "MX_GATEWAY_DATABASE_URL", faults)
    described = values.integrations()
    integrations = {name: integration_of(name, found, beside=beside) for name, found in described.items()}
    keys = {
        name: key_of(found, place=values.key_places[name], beside=beside) for name, found in described.items()
    }
    try:
        lanes = lanes_from(table.get("lanes") if isinstance(table := document.get("gateway"), dict) else None)
    except ConfigError as error:
        faults.extend(f"{values.file} [gateway.lanes] {fault}" for fault in error.faults)
        lanes = lanes_from(None)
    if faults:
        raise ConfigError(tuple(faults))
    platform = next((name for variable, name in _PLATFORMS.items() if env.get(variable)), None)
    first = integrations.get("default") or next(iter(integrations.values()))
    return Settings(
        bot=bot_of(bot, database=database, beside=beside),
        slack=slack,
        gateway=gateway_of(
            gateway,
            integration=first,
            described=described[first.name],
            database=gateway_database,
            lanes=lanes,
            proxy=proxy_of(env, first.base_url),
            platform=platform,
        ),
        gateway_url=gateway["url"],
        gateway_key=keys[first.name],
        integrations=integrations,
        keys=keys,
        secrets=tuple(
            found
            for found in (
                *(key.current() for key in keys.values()),
                *(s for found in described.values() for s in (found["webhook_secret"] or "").split(",")),
                *bot["escalation_keys"],
                *(s for s in (bot["pagerduty_webhook_secret"] or "").split(",")),
                *(bot[k] for k in ("bot_token", "signing_secret", "app_token", "link_secret", "routing_key")),
                *(bot[k] for k in ("page_secret", "dead_mans_switch_url", "page_url")),
                *(value for value in bot["page_headers"].values()),
                gateway["token"],
                gateway["buffer_key"],
            )
            if found
        ),
        file=path,
        platform=platform,
    )


def _document(env: Mapping[str, str], folder: Path, faults: list[str]) -> tuple[Path | None, dict[str, Any]]:
    named = env.get("MX_CONFIG", "").strip()
    path = folder / (named or "mx.toml")
    if not named and not path.exists():
        return None, {}
    try:
        return path, tomllib.loads(
            path.read_text("utf-8-sig")
        )  # some editors put a mark before the first line
    except OSError as error:
        where, instead = ("MX_CONFIG: ", "name a file that is there, or unset it") if named else ("", "")
        instead = instead or "let mx's user read it, or take it away"
        faults.append(f"{where}reading {path}: {error.strerror}; {instead}")
    except UnicodeDecodeError as error:
        faults.append(f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{path}: this is not valid TOML: {error}")
    return path, {}


class _Values:
    """Reads settings from both places and collects what is wrong with them."""

    def __init__(
        self, env: Mapping[str, str], document: dict[str, Any], file: str, faults: list[str]
    ) -> None:
        self._env = env
        self._document = document
        self.file = file
        self._faults = faults
        self.key_places: dict[str, str] = {}
        """What to call the place where an integration's key is, or belongs."""

    def table(self, table: Table) -> dict[str, Any]:
        """The values of ``[bot]`` or ``[gateway]``."""
        return self._read(
            table, self._section(self._document, table), f"{self.file} [{table}]", with_env=True
        )

    def integrations(self) -> dict[str, dict[str, Any]]:
        """The values of each ``[integrations.NAME]``; ``default`` where the environment or nothing names one."""
        tables = self._section(self._document, "integrations")
        rows = [s for s in SETTINGS if s.table == "integrations"]
        names = list(tables)
        self._faults.extend(
            f"{self.file} [integrations.{name}]: name it with 1 to 64 letters, digits, dots, dashes, underscores"
            for name in names
            if not _NAME.fullmatch(name)
        )
        described = (s for s in rows if not s.key.startswith("interval"))
        if not names or any(s.variable and self._env.get(s.variable) for s in described):
            names = ["default", *(n for n in names if n != "default")]
        found: dict[str, dict[str, Any]] = {}
        for name in names:
            section = self._section(tables, name, within="integrations.") if name in tables else {}
            place = f"{self.file} [integrations.{name}]"
            in_file = name != "default" or ("api_key" in section and "MAINTAINX_API_KEY" not in self._env)
            self.key_places[name] = f"api_key in [integrations.{name}]" if in_file else "MAINTAINX_API_KEY"
            found[name] = self._read("integrations", section, place, with_env=name == "default")
            self._faults.extend(f"{place} {fault}" for fault in contradictions(found[name]))
        return found

    def refuse_unknown(self) -> None:
        """Adds a fault for every table and key that nothing reads."""
        known = {t: {s.key for s in SETTINGS if s.table == t} for t in ("bot", "gateway", "integrations")}
        for name, found in self._document.items():
            if name not in known:
                self._faults.append(f"{self.file} [{name}]: unknown table{_nearest(name, known)}")
            elif name == "integrations" and isinstance(found, dict):
                for inner, table in found.items():
                    self._unknown_keys(f"[integrations.{inner}]", table, known["integrations"])
            else:
                self._unknown_keys(
                    f"[{name}]", found, known[name] | ({"lanes"} if name == "gateway" else set())
                )

    def _unknown_keys(self, place: str, found: object, known: set[str]) -> None:
        if isinstance(found, dict):
            self._faults.extend(
                f"{self.file} {place} {key}: unknown key{_nearest(key, known)}"
                for key in found
                if key not in known
            )

    def _section(self, document: dict[str, Any], name: str, *, within: str = "") -> dict[str, Any]:
        found = document.get(name, {})
        if isinstance(found, dict):
            return found
        table = f"[{within}{name}]"
        self._faults.append(f"{self.file} {within}{name}: write a table, {table}, with a key on each line")
        return {}

    def _read(self, table: Table, section: dict[str, Any], place: str, *, with_env: bool) -> dict[str, Any]:
        return {s.key: self._one(s, section, place, with_env=with_env) for s in SETTINGS if s.table == table}

    def _one(self, setting: Setting, section: dict[str, Any], place: str, *, with_env: bool) -> Any:
        from_env = self._env.get(setting.variable) if setting.variable and with_env else None
        if from_env is not None and (from_env.strip() or setting.parse is parse.raw):
            where, found = setting.variable, from_env
        elif setting.key in section:
            where, found = f"{place} {setting.key}", section[setting.key]
        else:
            return setting.default
        try:
            return setting.parse(found)
        except ValueError as error:
            shown = "" if setting.parse in SECRETS else f"found {_fit_to_show(found)}: "
            self._faults.append(f"{where}: {shown}{error}")
            return setting.default


def _fit_to_show(found: object) -> str:
    """A value that is wrong, without what looks like a secret in it: it may have been meant for another setting."""
    return Scrubber()(re.sub(r"//[^/\s]*@", "//[redacted]@", repr(found)))


def _nearest(name: str, known: Mapping[str, Any] | set[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"
