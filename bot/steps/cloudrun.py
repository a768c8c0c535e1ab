"""What a Cloud Run service says of itself, and what to change in it so that it takes a version of a secret.

The service is the official client's message; it is read and copied here, never sent.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from bot.errors import OutsideError

STAMP = "mx-incident/key-version"
"""Our annotation on the template: which version mx let it take."""
_ALL = 100
_LATEST_TYPE = 1  # TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
_SUCCEEDED, _FAILED = 4, 3  # Condition.State


@dataclass(frozen=True, slots=True)
class Found:
    """A service and where in it the key stands."""

    service: Any
    container: int
    variable: int

    @property
    def reference(self) -> Any:
        """The secretKeyRef of the variable."""
        return self.service.template.containers[self.container].env[self.variable].value_source.secret_key_ref

    @property
    def version(self) -> str:
        """What it refers to: a number, or ``latest``."""
        return str(self.reference.version) or "latest"

    @property
    def stamp(self) -> str:
        """The version that mx let it take last."""
        return str(self.service.template.annotations.get(STAMP, ""))

    @property
    def latest_only(self) -> bool:
        """Whether all traffic goes to whatever revision is the latest; no target at all means the same."""
        shares = [target for target in self.service.traffic if target.percent]
        return all(int(target.type_) == _LATEST_TYPE for target in shares)

    @property
    def pinned(self) -> str:
        """The revisions by name that traffic is pinned to, fit to show; empty where it follows the latest."""
        names = [
            f"{short(target.revision)} ({target.percent} %)"
            for target in self.service.traffic
            if target.percent and int(target.type_) != _LATEST_TYPE
        ]
        return ", ".join(names)


def short(name: str) -> str:
    """The last part of a resource's name."""
    return name.rpartition("/")[2]


def found_in(service: Any, *, variable: str, container: str, secret: str) -> Found:
    """Where the key stands in the service. Raises OutsideError with how to put it there."""
    label = short(service.name)
    for c, box in enumerate(service.template.containers):
        if container and box.name != container:
            continue
        for v, env in enumerate(box.env):
            if env.name != variable:
                continue
            reference = env.value_source.secret_key_ref
            if not reference.secret:
                raise OutsideError(
                    f"the Cloud Run service {label} has {variable} written into it as plain text, not from a secret; "
                    f"let it come from version N of {secret} once: gcloud run services update {label} "
                    f"--update-secrets={variable}={secret}:N",
                    permanent=True,
                )
            if short(reference.secret) != secret:
                raise OutsideError(
                    f"the Cloud Run service {label} takes {variable} from the secret {short(reference.secret)}, "
                    f"and gcp_secret says {secret}; make them the same",
                    permanent=True,
                )
            return Found(service, c, v)
    where = f"its container {container}" if container else "any of its containers"
    raise OutsideError(
        f"the Cloud Run service {label} has no {variable} in {where}; set key_variable and "
        "gcp_container to where its key stands",
        permanent=True,
    )


def pointed(found: Found, version: str) -> Any:
    """A copy of the service that takes this version and sends all traffic to its latest revision."""
    service = _changed(found, version)
    tags = [
        {"type_": target.type_, "revision": target.revision, "tag": target.tag, "percent": 0}
        for target in found.service.traffic
        if target.tag and int(target.type_) != _LATEST_TYPE
    ]
    latest = next((t.tag for t in found.service.traffic if int(t.type_) == _LATEST_TYPE and t.tag), "")
    service.traffic = [{"type_": _LATEST_TYPE, "percent": _ALL, "tag": latest}, *tags]
    return service


def recorded(found: Found) -> dict[str, JsonValue]:
    """The state to go back to, fit for the timeline."""
    return {
        "version": found.version,
        "revision": short(found.service.latest_ready_revision),
        "pinned": found.pinned,
        "traffic": [
            {"type": int(t.type_), "revision": t.revision, "percent": int(t.percent), "tag": t.tag}
            for t in found.service.traffic
        ],
    }


def back_to(found: Found, before: Mapping[str, JsonValue], *, version: str) -> Any:
    """A copy of the service that refers to the recorded version; the traffic too, unless somebody changed that."""
    service = _changed(found, version)
    traffic = before.get("traffic")
    if found.latest_only and isinstance(traffic, list):
        service.traffic = [
            {"type_": t["type"], "revision": t["revision"], "percent": t["percent"], "tag": t["tag"]}
            for t in traffic
            if isinstance(t, dict)
        ]
    return service


def settled(service: Any) -> bool:
    """Whether what was asked of the service last has happened, or has failed."""
    state = int(service.terminal_condition.state)
    seen = service.observed_generation >= service.generation
    return not service.reconciling and seen and state in (_SUCCEEDED, _FAILED)


def trouble_of(service: Any) -> str:
    """Why the latest revision does not serve; empty where it does."""
    if int(service.terminal_condition.state) != _FAILED:
        return ""
    says = str(service.terminal_condition.message)[:300].rstrip(". ")
    return says or f"the revision {short(service.latest_created_revision)} did not become ready"


def share_of(service: Any) -> int:
    """Per cent of the traffic that the latest revision has; 0 while it is not ready."""
    ready = short(service.latest_ready_revision)
    if ready != short(service.latest_created_revision):
        return 0
    return sum(int(t.percent) for t in service.traffic_statuses if short(t.revision) == ready)


def _changed(found: Found, version: str) -> Any:
    changed = Found(copy.deepcopy(found.service), found.container, found.variable)
    changed.reference.version = version
    changed.service.template.revision = ""  # a name that exists already would be refused
    changed.service.template.annotations[STAMP] = version
    return changed.service
