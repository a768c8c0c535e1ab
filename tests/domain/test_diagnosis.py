"""Every row of the runbook's symptom and scenario tables, as rules over readings."""

import importlib
import inspect
import pkgutil
from datetime import timedelta

import pytest

from bot.domain import rules
from bot.domain.assessment import Finding
from bot.domain.change import Change
from bot.domain.diagnosis import PLAYBOOKS
from bot.domain.readings import (
    BudgetShare,
    HttpDetail,
    LaneTraffic,
    LatestTraffic,
    Reading,
    Sample,
    Status,
    TrafficDetail,
)
from tests.domain.made import (
    AT,
    INTEGRATION,
    api,
    everywhere,
    healthy,
    judged,
    key,
    last_good,
    page,
    service,
    synced,
    traffic,
    versions,
)

UP = versions(200)
OPERATIONAL = page("operational")

# rows: name, readings, worst rule, severity, verdict
ROWS: list[tuple[str, list[Reading], str, str, str]] = [
    ("all 401", [*everywhere(401, 401, 401), UP, key()], "key-rejected", "SEV-1", "key"),
    ("no key", [*everywhere(401, html=True), UP, key(present=False, length=0)], "key-missing", "SEV-1", "key"),
    ("403 everywhere", [*everywhere(403, 403), UP, key()], "key-forbidden", "SEV-1", "key"),
    ("all 5xx", [*everywhere(500, 502, 503), versions(503), page("downtime")], "platform-outage", "SEV-1", "maintainx"),
    ("all 5xx, door up", [*everywhere(500, 500), UP, OPERATIONAL], "platform-outage", "SEV-1", "maintainx"),
    ("5xx and silence", [api("/users", 500), api("/workorders", "first_byte")], "platform-outage", "SEV-1", "maintainx"),
    ("429 everywhere", [*everywhere(429), UP], "rate-limited", "SEV-2", "us"),
    ("one 429", healthy(api("/assets", 200, 429), UP), "rate-limited", "SEV-2", "us"),
    ("one path 404", healthy(api("/assets", 404, 404), UP), "path-changed", "SEV-4", "maintainx"),
    ("workorders 404", healthy(api("/workorders", 404, 404), UP), "path-changed", "SEV-1", "maintainx"),
    ("all 404", [*everywhere(404, 404), UP], "base-url-wrong", "SEV-1", "us"),
    ("name not found", [*everywhere("dns"), versions("dns"), page(None)], "network", "SEV-1", "network"),
    ("no connection, all of us", [*everywhere("connect"), versions("connect"), page(None)], "network", "SEV-1", "network"),
    ("no connection, only them", [*everywhere("connect"), versions("connect"), OPERATIONAL], "network", "SEV-1", "network"),
    ("TLS", [*everywhere("tls"), versions("tls"), OPERATIONAL], "network", "SEV-1", "network"),
    ("all silent", [*everywhere("first_byte"), versions("first_byte"), page(None)], "network", "SEV-1", "network"),
    ("silent behind the door", [*everywhere("first_byte"), UP, page(None)], "network", "SEV-1", "maintainx"),
    ("silent, vendor reached", [*everywhere("first_byte"), versions("first_byte"), OPERATIONAL], "network", "SEV-1", "maintainx"),
    ("no connection, vendor admits", [*everywhere("connect"), versions("connect"), page("downtime")], "network", "SEV-1", "maintainx"),
    ("one silent", healthy(api("/assets", "first_byte", "first_byte"), UP), "network", "SEV-4", "maintainx"),
    ("some lost", healthy(api("/workorders", 200, "connect", 200), UP), "network", "SEV-2", "network"),
    ("service down", healthy(service(None), UP), "service-down", "SEV-1", "us"),
    ("service degraded", healthy(service("degraded", "database"), UP), "service-degraded", "SEV-2", "us"),
    ("service unhealthy", healthy(service("unhealthy"), UP), "service-degraded", "SEV-2", "us"),
    ("sync behind", healthy(service("healthy", "sync lag"), UP), "sync-gap", "SEV-2", "us"),
    ("sync late by its record", healthy(service("healthy"), synced(42), UP), "sync-gap", "SEV-3", "us"),
    ("sync late, critical data stands", healthy(synced(42), last_good(workorders=41), UP), "sync-gap", "SEV-2", "us"),
    ("sync late, data came", healthy(synced(42), last_good(workorders=3), UP), "sync-gap", "SEV-3", "us"),
    ("sync fresh, data is not", healthy(synced(4), last_good(workorders=60, assets=2), UP), "sync-gap", "SEV-2", "us"),
    ("sync fresh, assets are not", healthy(synced(4), last_good(workorders=3, assets=60), UP), "sync-gap", "SEV-3", "us"),
    ("sync behind by both", healthy(service("healthy", "sync lag"), synced(42), UP), "sync-gap", "SEV-2", "us"),
    ("webhooks", healthy(service("degraded", "webhookDelivery"), UP), "webhook-delivery", "SEV-2", "us"),
    ("intermittent 500", healthy(api("/workorders", 200, 500, 200), UP), "intermittent-errors", "SEV-2", "maintainx"),
    ("intermittent elsewhere", healthy(api("/users", 200, 503, 200), UP), "intermittent-errors", "SEV-4", "maintainx"),
    ("one always 5xx", healthy(api("/locations", 500, 500), UP), "endpoint-errors", "SEV-4", "maintainx"),
    ("two always 5xx", healthy(api("/locations", 500), api("/users", 500), UP), "endpoint-errors", "SEV-2", "maintainx"),
    ("workorders 5xx", healthy(api("/workorders", 500, 500), UP), "endpoint-errors", "SEV-1", "maintainx"),
    ("slow", healthy(api("/workorders", 200, ms=2600), UP), "slow", "SEV-3", "maintainx"),
    ("a portal", [api("/workorders", 200, html=True, body=False), versions(404)], "odd-answers", "SEV-1", "network"),
    ("odd JSON", healthy(api("/assets", 200, body=False)), "odd-answers", "SEV-4", "maintainx"),
    ("no organisation", everywhere(400, error="Missing x-organization-id header."), "request-refused", "SEV-1", "us"),
    ("edge says 403", everywhere(403, html=True), "request-refused", "SEV-1", "network"),
    ("a redirect", everywhere(302), "request-refused", "SEV-1", "maintainx"),
    ("odd key that works", healthy(key(stray=["a trailing newline"]), UP), "key-odd", "SEV-4", "key"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("readings", "rule", "severity", "verdict"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_each_symptom_has_its_rule_severity_and_verdict(
    readings: list[Reading], rule: str, severity: str, verdict: str
) -> None:
    found = judged(readings)
    assert [f.rule for f in found.findings][:1] == [rule]
    assert (found.severity, found.verdict) == (severity, verdict)


@pytest.mark.parametrize("row", ROWS, ids=[r[0] for r in ROWS])
def test_each_finding_says_what_to_do_with_numbers(row: tuple[str, list[Reading], str, str, str]) -> None:
    for finding in judged(row[1]).findings:
        assert finding.evidence
        assert finding.cause
        assert len(finding.check) > 30
        assert "{" not in finding.check.replace("%{", "").replace("${#", "").replace("{id}", "")
        assert "%time_total" not in finding.check  # the runbook's misprint


def test_a_healthy_triage_finds_nothing() -> None:
    found = judged(healthy(UP, service("healthy"), key(), OPERATIONAL, traffic(40, s200=40)))
    assert found.healthy
    assert (found.severity, found.verdict, found.response_due, found.blind_spots) == (
        None,
        "nobody",
        None,
        (),
    )


def test_two_faults_are_two_findings_worst_first() -> None:
    found = judged(healthy(api("/assets", 404, 404), service(None), UP))
    assert [(f.rule, f.severity) for f in found.findings] == [
        ("service-down", "SEV-1"),
        ("path-changed", "SEV-4"),
    ]
    assert (found.severity, found.verdict) == ("SEV-1", "us")


def test_the_cause_stands_before_its_consequence() -> None:
    found = judged([*everywhere(429), service("degraded", "maintainxApi"), UP])
    assert [f.rule for f in found.findings] == ["rate-limited", "service-degraded"]


def test_the_reason_of_a_rejected_key_is_named_where_it_is_certain() -> None:
    expired = judged([*everywhere(401), key(jwt=True, expires_at="2026-11-01T00:00:00+00:00", expired=True)])
    assert expired.findings[0].cause.startswith("the key expired: its JWT says exp 2026-11-01")
    pasted = judged([*everywhere(401), key(stray=["quotes around it"])])
    assert "the key holds quotes around it" in pasted.findings[0].cause
    open_question = judged([*everywhere(401), key()])
    for reason in ("revoked", "its user was removed", "another organisation"):
        assert reason in open_question.findings[0].cause
    wrong_org = judged([*everywhere(401), key()], integration=INTEGRATION.model_copy(update={"org_id": "12"}))
    assert "x-organization-id 12" in wrong_org.findings[0].cause
    stripped = judged([*everywhere(401, html=True), key()])
    assert "removed the Authorization header" in stripped.findings[0].cause


def test_a_changed_path_is_checked_against_the_published_document() -> None:
    finding = judged(healthy(api("/assets", 404))).findings[0]
    assert "https://api.example.test/v1/openapi.json" in finding.check
    assert "/assets" in finding.check


def test_intermittent_is_a_measured_word() -> None:
    finding = judged(healthy(api("/workorders", 200, 500, 200))).findings[0]
    assert "1 of 3 tries" in finding.symptom


def test_a_rate_limit_names_its_playbook_and_the_traffic() -> None:
    found = judged([*everywhere(429), traffic(412, s200=300, s429=112)])
    assert found.playbooks == ("rate-limited",)
    assert found.findings[0].playbooks == PLAYBOOKS["rate-limited"]
    assert "412" in found.findings[0].cause


def with_detail(reading: Reading, **fields: object) -> Reading:
    assert reading.detail is not None
    return reading.model_copy(update={"detail": reading.detail.model_copy(update=fields)})


def test_a_rate_limit_tells_whose_requests_use_it_up() -> None:
    latest = LatestTraffic(by_status={"200": 70, "429": 342})
    busy = LaneTraffic(lane="asset-sync", by_status={"429": 342})
    seen = with_detail(traffic(912, s200=570, s429=342), latest=latest, lanes=(busy,))
    theirs = with_detail(seen, share=BudgetShare(ours=0.2, used=500, of="organisation"))
    ours = with_detail(seen, share=BudgetShare(ours=0.93, used=100, of="user"))

    other = judged([*everywhere(429), theirs]).findings[0]
    assert other.evidence[0] == (
        "429 on 83% of 412 requests in 10 minutes; our share of the organisation's budget is 20%: "
        "another client is eating it"
    )
    assert "another client is eating it; the integration sent 912" in other.cause
    assert "who else uses" in other.check
    us = judged([*everywhere(429), ours]).findings[0]
    assert (
        "our share of the user's budget is 93%: it is us, asset-sync first (342 requests)" in us.evidence[0]
    )
    assert "slow the biggest one down first" in us.check
    unsaid = judged([*everywhere(429), seen]).findings[0]
    assert unsaid.evidence[0] == "429 on 83% of 412 requests in 10 minutes"
    assert "if that is little, another client" in unsaid.cause


@pytest.mark.parametrize(
    "readings",
    [everywhere(500), healthy(api("/users", 500)), healthy(api("/users", 200, 503)), everywhere("first_byte"), everywhere(429)],
    ids=["outage", "one endpoint", "now and then", "silence", "429"],
)  # fmt: skip
def test_writes_of_unknown_fate_are_evidence(readings: list[Reading]) -> None:
    seen = with_detail(traffic(400, s200=300, s429=100), fates={"answered": 400, "unknown": 3, "unread": 9})
    evidence = judged([*readings, seen]).findings[0].evidence
    assert any("3 writes of unknown fate" in line for line in evidence)
    assert not any(
        "unknown fate" in line for line in judged([*readings, traffic(4, s200=4)]).findings[0].evidence
    )


def test_the_key_never_stands_in_a_command() -> None:
    from_file = judged([*everywhere(401), key(source="/run/secrets/maintainx")]).findings[0]
    assert "$(tr -d '[:space:]' < /run/secrets/maintainx)" in from_file.check
    assert "$MAINTAINX_API_KEY" in judged(everywhere(401)).findings[0].check


def test_what_could_not_be_asked_is_said() -> None:
    unasked = Reading(
        probe="logs", target="log", status=Status.UNKNOWN, says="no log is configured: name one"
    )
    lying = service("healthy")
    assert lying.detail is not None
    lying = lying.model_copy(update={"detail": lying.detail.model_copy(update={"cannot_fail": True})})
    spots = judged(
        [*(api(path, 200) for path in INTEGRATION.endpoints), unasked, lying, traffic(0)]
    ).blind_spots
    text = "\n".join(spots)
    for words in ("log: no log is configured", "asked once", "names no checks", "nothing passed the gateway"):
        assert words in text
    assert len(spots) == 4


def test_one_try_that_ended_in_a_429_is_no_blind_spot() -> None:
    assert not any("asked once" in spot for spot in judged(everywhere(429)).blind_spots)


@pytest.mark.parametrize(
    ("source", "measure", "shell"),
    [
        ("MAINTAINX_API_KEY", "`echo ${#MAINTAINX_API_KEY}`", "$MAINTAINX_API_KEY"),
        ("/run/key", "`ls -l /run/key`", "$(tr -d '[:space:]' < /run/key)"),
        (
            "api_key in [integrations.west]",
            "the length of api_key in [integrations.west]",
            "$KEY_FROM_MX_TOML",
        ),
    ],
)
def test_the_key_is_looked_for_where_it_is_kept(source: str, measure: str, shell: str) -> None:
    missing = judged([*everywhere(401), key(present=False, source=source)]).findings[0]
    assert measure in missing.check
    assert source in missing.cause
    assert shell in judged([*everywhere(401), key(source=source)]).findings[0].check


def test_nothing_asked_is_not_called_healthy_without_a_word() -> None:
    assert "no endpoint of the API was asked" in judged([]).blind_spots[0]


def test_a_degraded_service_is_explained_by_what_mx_itself_switched_on() -> None:
    """While the gateway holds requests back, an error of the API that only the service sees may be ours."""
    limited = traffic(40, s200=40)
    assert isinstance(limited.detail, TrafficDetail)
    limited = limited.model_copy(update={"detail": limited.detail.model_copy(update={"mode": "limited"})})
    degraded = service("degraded", "maintainxApi")

    alone = judged(healthy(degraded)).findings[0].cause
    ours = judged(healthy(degraded, limited)).findings[0].cause

    assert "finding about the endpoints" not in alone
    assert 'mode "limited"' not in alone
    assert 'The gateway is in mode "limited"' in ours
    assert any(
        "finding about the endpoints" in f.cause for f in judged([*everywhere(500), degraded]).findings
    )


def test_a_service_that_lost_its_memory_says_so() -> None:
    log = Reading.model_validate(
        {
            "probe": "logs",
            "target": "log",
            "status": "ok",
            "says": "",
            "detail": {"kind": "logs", "errors": 1, "lines": ["FATAL: JavaScript heap out of memory"]},
        }
    )
    finding = judged(healthy(service(None), log)).findings[0]
    assert "ran out of memory" in finding.cause
    assert any("heap out of memory" in line for line in finding.evidence)


def _written() -> set[str]:
    """Every function in the rules' folder that may find something."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(rules.__path__, f"{rules.__name__}."):
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            told = inspect.signature(function).return_annotation
            if told == (Finding | None) and not name.startswith("_"):
                found.add(name.replace("_", "-"))
    return found


def test_every_rule_that_is_written_is_listed_and_has_a_row_here() -> None:
    listed = {rule.__name__.replace("_", "-") for rule in rules.RULES}
    assert listed == _written()
    found = {finding.rule for row in ROWS for finding in judged(row[1]).findings}
    assert found <= listed
    assert listed - found == {"key-unsendable", "service-slow", "unexplained"}


def test_the_rules_without_a_row() -> None:
    unsent = Sample(at_ms=0, error="not asked: the API key holds characters that no HTTP header may carry")
    detail = HttpDetail(url="https://api.example.test/v1/users?limit=1", samples=(unsent,))
    stuck = Reading(probe="api", target="/workorders", status=Status.FAILING, says="not asked", detail=detail)
    lazy = service("healthy").model_copy(update={"status": Status.SLOW, "ms": 3000.0})
    riddle = api("/workorders", 200).model_copy(update={"status": Status.FAILING})
    for readings, rule in (
        ([stuck], "key-unsendable"),
        (healthy(lazy), "service-slow"),
        ([riddle], "unexplained"),
    ):
        assert [f.rule for f in judged(readings).findings] == [rule]


def test_a_fresh_record_without_data_is_told_as_that() -> None:
    found = judged(healthy(synced(4), last_good(workorders=60, assets=2))).findings[0]
    assert found.symptom == (
        "the sync's record is fresh and the data is not: no good answer of /workorders since 11:00 UTC at the gateway"
    )
    assert found.evidence == (
        "sync state: the last sync ended about 4 minutes ago by its own word",
        "gateway: the last good answer to a read of /workorders was at 11:00 UTC",
    )
    assert found.playbooks == ("sync-gap",)


def test_where_the_gateway_holds_reads_back_that_is_the_first_thing_to_think_of() -> None:
    gateway = last_good(workorders=60, assets=2)
    assert isinstance(gateway.detail, TrafficDetail)
    buffering = gateway.model_copy(update={"detail": gateway.detail.model_copy(update={"mode": "buffering"})})
    assert judged(healthy(synced(4), gateway)).findings[0].cause.startswith("the sync ends without reading")
    held = judged(healthy(synced(4), buffering)).findings[0].cause
    assert held.startswith('the gateway is in mode "buffering": whom it holds back')


def test_of_what_the_gateway_never_saw_nothing_is_said() -> None:
    """It may have been started after the last sync, or the integration may ask past it."""
    assert judged(healthy(synced(4), last_good())).healthy
    assert judged(healthy(synced(4), last_good(workorders=18))).healthy, "one collection after another"
    assert judged(healthy(last_good(workorders=600))).healthy, "no record is configured"


def test_both_words_of_a_late_sync_are_shown() -> None:
    found = judged(healthy(service("healthy", "sync lag"), synced(42)))
    assert [finding.rule for finding in found.findings] == ["sync-gap"]
    assert "sync lag: error; the sync is behind: the last sync ended" in found.findings[0].symptom
    assert [line.split(":")[0] for line in found.findings[0].evidence] == ["/health", "sync state"]


def _changed(event: str, says: str, *, hours: float) -> Change:
    return Change(AT - timedelta(hours=hours), event, says, f"mxd_{event}_{hours}")


def test_a_revoked_token_of_the_day_before_is_the_likely_cause_of_401() -> None:
    changes = (
        _changed("USER_REMOVED", "user 7 removed user 9", hours=25),
        _changed("WEBHOOK_ARCHIVED", "user 7 archived webhook 1", hours=1),
        _changed("API_TOKEN_REVOKED", "user 7 revoked an API token", hours=2),
    )
    found = judged([*everywhere(401), UP, key()], changes=changes).findings[0]
    assert found.cause.startswith(
        "user 7 revoked an API token at 10:00 UTC, and it may be this one; or the key was revoked"
    )
    assert found.evidence[0] == (
        "MaintainX's webhook: user 7 revoked an API token at 10:00 UTC, 2 hours before this look"
    )
    assert not any("removed" in line or "archived" in line for line in found.evidence)
    late = tuple(one._replace(at=AT + timedelta(minutes=1)) for one in changes)
    assert "user 7" not in judged([*everywhere(401), UP, key()], changes=late).findings[0].cause


def test_a_changed_role_of_the_day_before_is_the_likely_cause_of_403() -> None:
    changes = (_changed("USER_ROLE_CHANGED", "user 7 changed the role of user 9", hours=0.1),)
    found = judged([*everywhere(403), UP, key()], changes=changes).findings[0]
    assert found.cause.startswith("user 7 changed the role of user 9 at 11:54 UTC; or the role of")
    assert "user 7" not in judged([*everywhere(401), UP, key()], changes=changes).findings[0].cause
