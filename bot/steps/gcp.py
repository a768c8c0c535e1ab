"""The key in Google Secret Manager, taken by a Cloud Run service: one pinned version in its template.

A running instance keeps the key that it started with, so a version counts as taken only when a new revision that
names it is ready and has the traffic. ``--no-traffic`` makes no revision and is never used.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError
from bot.ports import Clock
from bot.steps import googleapi
from bot.steps.cloudrun import (
    Found,
    back_to,
    found_in,
    pointed,
    recorded,
    settled,
    share_of,
    short,
    trouble_of,
)
from bot.steps.googleapi import CALL_S, Google
from bot.steps.keystore import changed_since, known, version_number

ROLLOUT_S = 300.0
"""How long a new revision may take until it has the traffic."""
LOOK_S = 2.0
_TRIES = 3
_LATEST = "latest"


class GoogleStore:
    """Implements ``SecretStore`` with the official clients of Secret Manager and Cloud Run."""

    restarts = False

    def __init__(
        self,
        *,
        project: str,
        region: str,
        service: str,
        secret: str,
        clock: Clock,
        variable: str = "MAINTAINX_API_KEY",
        container: str = "",
        secrets_url: str | None = None,
        run_url: str | None = None,
        rollout_s: float = ROLLOUT_S,
    ) -> None:
        self._secret, self._service, self._variable, self._container = secret, service, variable, container
        self._parent = f"projects/{project}/secrets/{secret}"
        self._path = f"projects/{project}/locations/{region}/services/{service}"
        self._clock, self._rollout_s = clock, rollout_s
        self._google = Google(secrets_url=secrets_url, run_url=run_url)

    @property
    def name(self) -> str:
        return f"the secret {self._secret} of the Cloud Run service {self._service}"

    @property
    def adds(self) -> str:
        return f"add a version to the secret {self._secret}"

    @property
    def takes(self) -> str:
        return (
            f"pin that version of {self._secret} as {self._variable} in a new revision of the Cloud Run service "
            f"{self._service}, and send it all traffic"
        )

    @property
    def retires(self) -> str | None:
        return f"disable the old version of the secret {self._secret}"

    async def before(self) -> dict[str, JsonValue]:
        found = await self._look()
        return {**recorded(found), "latest": await self._newest()}

    async def add(self, key: SecretStr) -> str:
        data = key.get_secret_value()
        request = {"parent": self._parent, "payload": {"data": data.encode()}}
        made = await self._google.secrets(
            f"adding a version to the secret {self._secret}",
            lambda client: client.add_secret_version(request=request, timeout=CALL_S, retry=None),
            hide=(data,),
        )
        return short(made.name)

    async def take(self, version: str) -> str:
        before, changed = await self._point(version)
        if not changed and not before.service.reconciling and share_of(before.service) == _ALL:
            return f"{self._service} takes {self._secret} version {version} already, and it has all traffic"
        after = await self._rolled_out(version)
        pinned = f"; its traffic was pinned to {before.pinned} before" if before.pinned else ""
        return (
            f"{self._service} takes {self._secret} version {version}: the revision "
            f"{short(after.service.latest_ready_revision)} is ready and has all traffic{pinned}"
        )

    async def taken(self, version: str) -> bool | None:
        found = await self._settled()
        if found.version != version or trouble_of(found.service):
            return False
        return share_of(found.service) == _ALL

    async def latest(self) -> tuple[str, SecretStr] | None:
        try:
            found = await self._google.secrets(
                f"reading the latest version of the secret {self._secret}",
                lambda client: client.access_secret_version(
                    request={"name": f"{self._parent}/versions/{_LATEST}"}, timeout=CALL_S, retry=None
                ),
            )
        except OutsideError as error:
            if googleapi.code_of(error) == 404 and "versions/latest" in str(error):  # noqa: PLR2004 - HTTP
                return None
            raise
        return short(found.name), SecretStr(found.payload.data.decode("utf-8", "replace"))

    async def disable(self, version: str) -> str:
        number = _numbered(version)
        found = await self._look()
        if found.version in (number, _LATEST):
            raise OutsideError(
                f"disabling version {number} of the secret {self._secret}: {self._service} refers to "
                f"{found.version}; let it take another version first",
                permanent=True,
            )
        await self._switch("disable", number)
        return f"version {number} of the secret {self._secret} is disabled; it can be enabled again"

    async def enable(self, version: str) -> str:
        number = _numbered(version)
        await self._switch("enable", number)
        return f"version {number} of the secret {self._secret} is enabled again"

    async def back(self, before: Mapping[str, JsonValue]) -> str:
        ours, version = known(before, "takes"), known(before, "number") or known(before, "version")
        found = await self._look()
        if version in ("", _LATEST):  # the newest version is the key that is to be left
            raise OutsideError(
                f"taking {self._service} back: what it referred to was not recorded", permanent=True
            )
        if found.version == version:
            return f"{self._service} refers to version {version} of {self._secret} already"
        if found.version != ours or found.stamp != ours:
            raise changed_since(
                f"the Cloud Run service {self._service}",
                ours=f"version {ours} of {self._secret}",
                now=f"version {found.version}",
                by=found.service.last_modifier,
            )
        kept = "" if found.latest_only else "; its traffic was changed since and stays as it is"
        await self._update(
            back_to(found, before, version=version), doing=f"taking {self._service} back to version {version}"
        )
        await self._rolled_out(version, all_traffic=False)
        return f"{self._service} is back at version {version} of {self._secret}{kept}"

    async def _point(self, version: str) -> tuple[Found, bool]:
        """Let the template name that version; the service as it was before, and whether anything was changed."""
        for attempt in range(1, _TRIES + 1):
            found = await self._look()
            if found.version == version and found.latest_only and not trouble_of(found.service):
                return found, False
            wanted = pointed(found, version)
            try:
                await self._update(wanted, doing=f"letting {self._service} take version {version}")
            except OutsideError as error:
                if googleapi.code_of(error) != 409 or attempt == _TRIES:  # noqa: PLR2004 - HTTP
                    raise
                continue  # somebody changed the service between the look and this: look again
            return found, True
        raise AssertionError  # the loop above returns or raises

    async def _rolled_out(self, version: str, *, all_traffic: bool = True) -> Found:
        found = await self._settled()
        trouble = trouble_of(found.service)
        if trouble:
            raise OutsideError(
                f"letting {self._service} take version {version}: {trouble}. Its traffic stays on "
                f"{short(found.service.latest_ready_revision)}, which has the old key; look at its log, then "
                "try again or undo",
                permanent=True,
            )
        if found.version != version:
            raise OutsideError(
                f"letting {self._service} take version {version}: somebody else has it at {found.version} now "
                f"({found.service.last_modifier or 'nobody is named'}); ask them",
                permanent=True,
            )
        if all_traffic and (share := share_of(found.service)) != _ALL:
            raise OutsideError(
                f"letting {self._service} take version {version}: the new revision has {share} % of the traffic; "
                f"send it the rest with gcloud run services update-traffic {self._service} --to-latest",
                permanent=True,
            )
        return found

    async def _settled(self) -> Found:
        """The service when nothing of it is under way any more. Raises OutsideError where that takes too long."""
        until = self._clock.monotonic() + self._rollout_s
        while True:
            try:
                found = await self._look()
            except OutsideError as error:
                if error.permanent or self._clock.monotonic() >= until:
                    raise
            else:
                if settled(found.service):
                    return found
                if self._clock.monotonic() >= until:
                    raise OutsideError(
                        f"waiting for the new revision of {self._service}: not ready within {self._rollout_s:g} s; "
                        "look at it in Cloud Run, then look here again"
                    )
            await self._clock.sleep(LOOK_S)

    async def _look(self) -> Found:
        service = await self._google.run(
            f"looking at the Cloud Run service {self._service}",
            lambda client: client.get_service(request={"name": self._path}, timeout=CALL_S, retry=None),
        )
        return found_in(service, variable=self._variable, container=self._container, secret=self._secret)

    async def _update(self, service: Any, *, doing: str) -> None:
        request = {"service": service, "update_mask": {"paths": ["template", "traffic"]}}
        await self._google.run(
            doing, lambda client: client.update_service(request=request, timeout=CALL_S, retry=None)
        )

    async def _newest(self) -> str:
        """The number of the newest version; empty where mx's account may not look."""
        request = {"name": f"{self._parent}/versions/{_LATEST}"}
        try:
            found = await self._google.secrets(
                f"looking at the latest version of the secret {self._secret}",
                lambda client: client.get_secret_version(request=request, timeout=CALL_S, retry=None),
            )
        except OutsideError as error:
            if googleapi.code_of(error) in (403, 404):
                return ""
            raise
        return short(found.name)

    async def _switch(self, act: str, version: str) -> None:
        request = {"name": f"{self._parent}/versions/{version}"}
        await self._google.secrets(
            f"{act[:-1]}ing version {version} of the secret {self._secret}",
            lambda client: getattr(client, f"{act}_secret_version")(
                request=request, timeout=CALL_S, retry=None
            ),
        )


_ALL = 100


def _numbered(version: str) -> str:
    """The version, which has to be one and not a moving name."""
    if version_number(version) < 1 or not re.fullmatch(r"[0-9]{1,18}", version):
        raise OutsideError(f"{version!r:.40} is no number of a version; nothing is switched", permanent=True)
    return version
