"""The key in Secret Manager and Cloud Run, with Google's own clients against a stand-in on loopback."""

import logging
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.demo.cloudrun import LATEST, PINNED
from bot.demo.google import FakeGoogle
from bot.errors import OutsideError
from bot.steps import googleapi
from bot.steps.gcp import GoogleStore
from tests.wound_clock import WoundClock

OLD, NEW = "old-key-0123456789", "new-key-9876543210"
KEY = SecretStr(NEW)


@pytest.fixture
async def google() -> AsyncIterator[FakeGoogle]:
    async with FakeGoogle.start(key=OLD) as standin:
        yield standin


def store_for(
    google: FakeGoogle, *, url: str | None = None, service: str = "maintainx-integration"
) -> GoogleStore:
    return GoogleStore(
        project=google.project,
        region=google.region,
        service=service,
        secret=google.secret,
        clock=WoundClock(),
        secrets_url=url or google.url,
        run_url=url or google.url,
        rollout_s=60,
    )


@pytest.fixture
def store(google: FakeGoogle) -> GoogleStore:
    return store_for(google)


async def test_the_service_takes_exactly_the_version_that_was_added(
    google: FakeGoogle, store: GoogleStore
) -> None:
    heard: list[str] = []
    google.service.on_serving = heard.append
    before = await store.before()
    assert (before["version"], before["latest"], before["pinned"]) == ("1", "1", "")

    version = await store.add(KEY)
    assert (version, google.read(google.secret, "2")) == ("2", NEW)
    assert (google.service.served_key, heard) == (OLD, []), (
        "a running instance keeps the key that it started with"
    )

    says = await store.take(version)
    assert says == (
        "maintainx-integration takes maintainx-api-key version 2: the revision maintainx-integration-00002-abc is "
        "ready and has all traffic"
    )
    assert (google.service.refers_to, google.service.served_key, heard) == ("2", NEW, [NEW])
    assert await store.taken("2") is True
    assert await store.taken("1") is False


async def test_nothing_else_of_the_template_changes(google: FakeGoogle, store: GoogleStore) -> None:
    google.service.document["template"]["revision"] = "maintainx-integration-00001-abc"
    was = google.service.document["template"]
    await store.add(KEY)
    await store.take("2")
    now = google.service.document["template"]
    assert now["annotations"] == {**was["annotations"], "mx-incident/key-version": "2"}
    assert now["containers"][0]["env"][0] == was["containers"][0]["env"][0]
    assert now["containers"][0]["image"] == was["containers"][0]["image"]
    assert not now.get("revision"), "a revision's name that exists already would be refused"


async def test_pinned_traffic_is_told_and_sent_to_the_new_revision(
    google: FakeGoogle, store: GoogleStore
) -> None:
    """The runbook's --no-traffic pins the traffic; a key taken after it would serve nobody."""
    google.service.no_traffic()
    assert (google.service.revisions, google.service.document["traffic"][0]["type"]) == (1, PINNED)
    before = await store.before()
    assert before["pinned"] == "maintainx-integration-00001-abc (100 %)"
    await store.add(KEY)
    says = await store.take("2")
    assert "its traffic was pinned to maintainx-integration-00001-abc (100 %) before" in says
    assert google.service.served_key == NEW
    assert [t["type"] for t in google.service.document["traffic"]] == [LATEST]


async def test_a_tag_keeps_its_revision_without_traffic(google: FakeGoogle, store: GoogleStore) -> None:
    revision = "maintainx-integration-00001-abc"
    google.service.document["traffic"].append(
        {"type": PINNED, "revision": revision, "percent": 0, "tag": "green"}
    )
    await store.add(KEY)
    await store.take("2")
    assert google.service.document["traffic"][1]["tag"] == "green"
    assert google.service.served_key == NEW


async def test_taking_it_twice_makes_one_revision(google: FakeGoogle, store: GoogleStore) -> None:
    await store.add(KEY)
    await store.take("2")
    assert (
        await store.take("2")
        == "maintainx-integration takes maintainx-api-key version 2 already, and it has all traffic"
    )
    assert google.service.revisions == 2


async def test_a_revision_that_fails_leaves_the_traffic_and_is_told(
    google: FakeGoogle, store: GoogleStore
) -> None:
    await store.add(KEY)
    before = {**await store.before(), "number": "1", "takes": "2"}
    google.service.fails_next = "The container exited with code 1."
    with pytest.raises(OutsideError) as caught:
        await store.take("2")
    assert (
        "is not ready and cannot serve traffic. The container exited with code 1. Its traffic stays on"
        in str(caught.value)
    )
    assert caught.value.permanent
    assert google.service.served_key == OLD
    assert await store.taken("2") is False
    assert await store.back(before) == "maintainx-integration is back at version 1 of maintainx-api-key"
    assert (google.service.refers_to, google.service.served_key) == ("1", OLD)


async def test_back_restores_version_and_traffic(google: FakeGoogle, store: GoogleStore) -> None:
    google.service.no_traffic()
    before = {**await store.before(), "number": "1", "takes": "2"}
    await store.add(KEY)
    await store.take("2")
    await store.back(before)
    assert google.service.refers_to == "1"
    assert google.service.document["traffic"][0]["type"] == PINNED
    assert (google.service.serving, google.service.served_key) == ("maintainx-integration-00001-abc", OLD)
    assert (
        await store.back(before) == "maintainx-integration refers to version 1 of maintainx-api-key already"
    )


async def test_back_overwrites_nobody(google: FakeGoogle, store: GoogleStore) -> None:
    before = {**await store.before(), "number": "1", "takes": "2"}
    await store.add(KEY)
    await store.take("2")
    google.put("somebody-elses-key")
    google.service.somebody_sets("3")
    with pytest.raises(
        OutsideError, match=r"has been changed since by ana@example\.com: mx left it at version 2"
    ):
        await store.back(before)
    assert google.service.refers_to == "3"


async def test_back_never_goes_to_a_moving_name(google: FakeGoogle) -> None:
    """``latest`` is the new key by now: what it meant before is what the service goes back to."""
    async with FakeGoogle.start(key=OLD, version="latest") as moving:
        store = store_for(moving)
        before = await store.before()
        assert (before["version"], before["latest"]) == ("latest", "1")
        await store.add(KEY)
        await store.take("2")
        with pytest.raises(OutsideError, match="what it referred to was not recorded"):
            await store.back({**before, "takes": "2"})
        await store.back({**before, "takes": "2", "number": "1"})
        assert (moving.service.refers_to, moving.service.served_key) == ("1", OLD)


async def test_a_deploy_in_between_is_looked_at_again(google: FakeGoogle, store: GoogleStore) -> None:
    """The etag is of the look; somebody's change after it makes Google answer 409, and mx look anew."""
    await store.add(KEY)
    real = google.service.change
    raced: list[object] = []

    def racing(body: dict[str, object], mask: list[str]) -> str:
        if not raced:
            raced.append(body["etag"])
            google.service.document["template"]["containers"][0]["image"] = "img/app:5"
            google.service.document["etag"] = '"etag-of-ana"'
        return real(body, mask)

    google.service.change = racing  # type: ignore[method-assign] # somebody else is quicker, once
    await store.take("2")
    assert raced == ['"etag-1"']
    assert google.service.document["template"]["containers"][0]["image"] == "img/app:5"
    assert google.service.served_key == NEW


async def test_latest_disable_and_enable(google: FakeGoogle, store: GoogleStore) -> None:
    assert await store.latest() == ("1", SecretStr(OLD))
    await store.add(KEY)
    with pytest.raises(OutsideError, match="refers to 1; let it take another version first"):
        await store.disable("1")
    await store.take("2")
    assert "version 1 of the secret maintainx-api-key is disabled" in await store.disable("1")
    assert google.secrets[google.secret][0].state == "DISABLED"
    assert "version 1 of the secret maintainx-api-key is enabled again" in await store.enable("1")
    assert google.secrets[google.secret][0].state == "ENABLED"
    with pytest.raises(OutsideError, match="is no number of a version"):
        await store.disable("latest")
    google.secrets[google.secret].clear()
    assert await store.latest() is None


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ("addVersion", "adding a version to the secret maintainx-api-key: Google answered 403: Permission 'secretmanager.versions.addVersion' denied"),
        ("run.update", "letting maintainx-integration take version 2: Google answered 403: Permission 'run.services.update' denied"),
        ("run.get", "looking at the Cloud Run service maintainx-integration: Google answered 403"),
    ],
)  # fmt: skip
async def test_a_missing_permission_is_named(
    google: FakeGoogle, store: GoogleStore, act: str, says: str
) -> None:
    google.put(NEW)
    google.forbidden.add(act)
    with pytest.raises(OutsideError) as caught:
        await (store.add(KEY) if act == "addVersion" else store.take("2"))
    assert str(caught.value).startswith(says)
    assert "give mx's service account the permission that is named there" in str(caught.value)
    assert caught.value.permanent


async def test_who_may_not_look_at_versions_still_rotates(google: FakeGoogle, store: GoogleStore) -> None:
    google.forbidden.add("get")
    assert (await store.before())["latest"] == ""


async def test_what_is_not_there_is_told_with_where_to_look(google: FakeGoogle) -> None:
    with pytest.raises(OutsideError) as caught:
        await store_for(google, service="no-such").before()
    assert str(caught.value) == (
        "looking at the Cloud Run service no-such: Google answered 404: Resource 'no-such' of kind 'SERVICE' does not "
        "exist.; look at gcp_project, gcp_region, gcp_service and gcp_secret"
    )


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ([{"name": "MAINTAINX_API_KEY", "value": OLD}], "written into it as plain text, not from a secret"),
        ([{"name": "OTHER", "value": "1"}], "has no MAINTAINX_API_KEY in any of its containers"),
        (
            [{"name": "MAINTAINX_API_KEY", "valueSource": {"secretKeyRef": {"secret": "projects/1/secrets/other", "version": "1"}}}],
            "takes MAINTAINX_API_KEY from the secret other, and gcp_secret says maintainx-api-key",
        ),
    ],
)  # fmt: skip
async def test_a_key_that_stands_elsewhere_is_not_touched(
    google: FakeGoogle, store: GoogleStore, env: list[dict[str, object]], says: str
) -> None:
    google.service.document["template"]["containers"][0]["env"] = env
    with pytest.raises(OutsideError, match=says) as caught:
        await store.before()
    assert OLD not in str(caught.value)
    assert google.acts["run.update"] == 0


async def test_trouble_at_google_is_worth_another_try(google: FakeGoogle, store: GoogleStore) -> None:
    google.broken = 503
    with pytest.raises(
        OutsideError, match="Google answered 503: a page, no answer of the API; try again"
    ) as caught:
        await store.add(KEY)
    assert not caught.value.permanent
    assert NEW not in str(caught.value)


async def test_a_dead_end_is_told_as_the_network(google: FakeGoogle, free_port: int) -> None:
    store = store_for(google, url=f"http://127.0.0.1:{free_port}")
    with pytest.raises(
        OutsideError, match=r"the connection to Google did not hold \(ConnectionError\)"
    ) as caught:
        await store.add(KEY)
    assert not caught.value.permanent


async def test_a_plain_address_elsewhere_is_never_sent_the_key(google: FakeGoogle) -> None:
    with pytest.raises(OutsideError, match="is not encrypted and would be sent the key"):
        await store_for(google, url="http://secrets.example.com").add(KEY)


async def test_a_roll_out_that_hangs_ends(google: FakeGoogle, store: GoogleStore) -> None:
    await store.add(KEY)
    google.service.rollout_looks = 10_000
    with pytest.raises(OutsideError, match="not ready within 60 s") as caught:
        await store.take("2")
    assert not caught.value.permanent


async def test_the_clients_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutsideError, match=r"pip install 'mx-incident\[gcp\]'"):
        googleapi.loaded("google.cloud.no_such_client_of_google")


async def test_the_key_is_in_no_address_and_no_log(
    google: FakeGoogle,
    store: GoogleStore,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        await store.add(KEY)
        await store.latest()
        await store.take("2")
    assert google.seen
    told = [*google.seen, *(str(vars(record)) for record in caplog.records), *capfd.readouterr()]
    assert not [line for line in told if NEW in line or "bmV3LWtleS05ODc2NTQzMjEw" in line]
    for spoken in (
        "services.secret_manager_service.client",
        "services.secret_manager_service.transports.rest",
    ):
        assert not logging.getLogger(f"google.cloud.secretmanager_v1.{spoken}").isEnabledFor(logging.DEBUG)
