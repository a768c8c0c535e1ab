"""A Cloud Run service of v2 in memory: its template, its traffic and its revisions.

A revision is made only when the template changes, reads its secret when it starts, and takes traffic only where
the service's traffic says so; a roll-out is done after a few looks at it.
"""

import copy
from collections.abc import Callable
from typing import Any

LATEST, PINNED = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
_WORDS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED"}


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What Google answers instead."""

    def __init__(self, status: int, text: str, *, word: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.word = status, text, word or _WORDS[status]


class FakeService:
    """One service; ``read`` gives the text of a secret's version, or raises Refusal."""

    def __init__(
        self, name: str, *, secret: str, variable: str, version: str, read: Callable[[str, str], str]
    ) -> None:
        self.name, self.short, self.variable = name, name.rpartition("/")[2], variable
        self.rollout_looks = 2
        """How many looks at the service a roll-out takes."""
        self.fails_next = ""
        """Why the next revision does not become ready; empty where it does."""
        self.on_serving: Callable[[str], None] = lambda _key: None
        """Hears the key that the instances hold which serve from now on."""
        self._read = read
        self._looks_left = 0
        self._edits = 0
        first = f"{self.short}-00001-abc"
        self._keys = {first: read(secret, version)}
        self.document = _first(name, first, secret=secret, variable=variable, version=version)

    @property
    def refers_to(self) -> str:
        """The version that the template names."""
        return str(self._reference(self.document["template"])["version"])

    @property
    def serving(self) -> str:
        """The revision that has the traffic."""
        return str(next(t["revision"] for t in self.document["trafficStatuses"] if t.get("percent")))

    @property
    def served_key(self) -> str:
        """The key that the instances with the traffic hold."""
        return self._keys[self.serving]

    @property
    def revisions(self) -> int:
        """How many revisions ever became ready."""
        return len(self._keys)

    def no_traffic(self) -> None:
        """What ``gcloud run services update --no-traffic`` alone does: traffic is pinned, no revision is made."""
        ready = self.document["latestReadyRevision"].rpartition("/")[2]
        target = {"type": PINNED, "revision": ready, "percent": 100}
        self.document["traffic"], self.document["trafficStatuses"] = [target], [dict(target)]
        self._edited()
        self.document["observedGeneration"] = self.document["generation"]

    def somebody_sets(self, version: str) -> None:
        """Another person makes the service take this version, at once."""
        template = copy.deepcopy(self.document["template"])
        self._reference(template)["version"] = version
        self.change({"template": template}, ["template"])
        self._looks_left = 1
        self.look()

    def change(self, body: dict[str, Any], mask: list[str]) -> str:
        """``PATCH`` with ``updateMask``; the name of the operation. Raises Refusal."""
        if body.get("etag") not in (None, "", self.document["etag"]):
            raise Refusal(409, f"Conflict for resource '{self.short}': the etag does not match.")
        if unknown := set(mask) - {"template", "traffic"}:
            raise Refusal(400, f"The field mask names {', '.join(sorted(unknown))}.")
        template = body.get("template", {}) if "template" in mask else self.document["template"]
        if any(name.startswith("run.googleapis.com/") for name in template.get("annotations", {})):
            raise Refusal(400, "Annotations in the namespace run.googleapis.com are reserved.")
        if template.get("revision"):
            raise Refusal(409, f"Revision {template['revision']} already exists.", word="ALREADY_EXISTS")
        changed = template != self.document["template"]
        self.document["template"] = copy.deepcopy(template)
        if "traffic" in mask:
            self.document["traffic"] = _traffic(body.get("traffic") or [{"type": LATEST, "percent": 100}])
        self._edited()
        if changed:
            revision = f"{self.name}/revisions/{self.short}-{self._edits + 1:05d}-abc"
            self.document["latestCreatedRevision"] = revision
        self.document["reconciling"] = True
        self.document["terminalCondition"] = {"type": "Ready", "state": "CONDITION_RECONCILING"}
        self._looks_left = self.rollout_looks
        return f"{self.name.rpartition('/services/')[0]}/operations/{self._edits:08d}"

    def look(self) -> dict[str, Any]:
        """The service as it is; each look brings a roll-out on."""
        if self.document["reconciling"]:
            self._looks_left -= 1
            if self._looks_left <= 0:
                self._settle()
        return self.document

    def _settle(self) -> None:
        self.document["reconciling"] = False
        self.document["observedGeneration"] = self.document["generation"]
        created = self.document["latestCreatedRevision"]
        why, self.fails_next = self.fails_next, ""
        if not why and created.rpartition("/")[2] not in self._keys:
            why = self._start_revision(created)
        if why:
            says = f"Revision '{created.rpartition('/')[2]}' is not ready and cannot serve traffic. {why}"
            failed = {"type": "Ready", "state": "CONDITION_FAILED", "message": says}
            self.document["terminalCondition"] = failed
            return
        self.document["terminalCondition"] = {"type": "Ready", "state": "CONDITION_SUCCEEDED"}
        was = self.serving
        ready = self.document["latestReadyRevision"].rpartition("/")[2]
        self.document["trafficStatuses"] = [
            {**target, "revision": target.get("revision", ready).rpartition("/")[2]}
            for target in self.document["traffic"]
        ]
        if self.serving != was:
            self.on_serving(self.served_key)

    def _start_revision(self, created: str) -> str:
        """Read the secret as an instance does when it starts; why that is not possible, or nothing."""
        reference = self._reference(self.document["template"])
        try:
            key = self._read(reference["secret"], reference["version"])
        except Refusal as refusal:
            return refusal.text
        self._keys[created.rpartition("/")[2]] = key
        self.document["latestReadyRevision"] = created
        return ""

    def _edited(self) -> None:
        self._edits += 1
        self.document["generation"] = str(self._edits + 1)
        self.document["etag"] = f'"etag-{self._edits + 1}"'

    def _reference(self, template: dict[str, Any]) -> dict[str, Any]:
        variables = [env for box in template["containers"] for env in box.get("env", ())]
        source = next(env for env in variables if env["name"] == self.variable)["valueSource"]
        found: dict[str, Any] = source["secretKeyRef"]
        return found


def _first(name: str, revision: str, *, secret: str, variable: str, version: str) -> dict[str, Any]:
    reference = {"secret": secret, "version": version}
    return {
        "name": name,
        "uid": "11111111-2222-3333-4444-555555555555",
        "generation": "1",
        "observedGeneration": "1",
        "etag": '"etag-1"',
        "lastModifier": "ana@example.com",
        "template": {
            "annotations": {"acme.example/owner": "plant"},
            "containers": [
                {
                    "name": "app",
                    "image": "img/app:4",
                    "env": [
                        {"name": "NODE_ENV", "value": "production"},
                        {"name": variable, "valueSource": {"secretKeyRef": reference}},
                    ],
                },
            ],
        },
        "traffic": [{"type": LATEST, "percent": 100}],
        "trafficStatuses": [{"type": LATEST, "revision": revision, "percent": 100}],
        "latestReadyRevision": f"{name}/revisions/{revision}",
        "latestCreatedRevision": f"{name}/revisions/{revision}",
        "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"},
        "reconciling": False,
    }


def _traffic(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Targets as the service keeps them; the clients send the type as a number."""
    names = {1: LATEST, 2: PINNED}
    return [{**target, "type": names.get(target["type"], target["type"])} for target in found]
