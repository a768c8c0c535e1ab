"""Rules about the API key: missing, rejected, not allowed, or odd while it still works."""

from bot.domain.assessment import Finding, Severity
from bot.domain.case import FORBIDDEN, UNAUTHORISED, Case, Endpoint
from bot.domain.change import KEY_ENDED, KEY_LESS, told
from bot.domain.gateway import listed
from bot.domain.readings import KeyDetail, Sample, Status
from bot.domain.rules.wording import about, curl, everyone, first_error, front_door, key_length, share

_WHERE = "MaintainX: Settings > Integrations > API Keys"


def _rejected(sample: Sample) -> bool:
    return sample.code == UNAUTHORISED


def _forbidden(sample: Sample) -> bool:
    return sample.code == FORBIDDEN and not sample.html


def _unsent(sample: Sample) -> bool:
    """The key could not be put into a request at all."""
    return sample.code is None and sample.failed_phase is None


def key_missing(case: Case) -> Finding | None:
    """There is no key, so every answer is 401."""
    key = case.key
    if key is None or key.present:
        return None
    refused = case.where(_rejected)
    file = "/" in key.source
    look = (
        f"`ls -l {key.source}` as mx's user shows whether the file is there and may be read"
        if file
        else f"look at {key_length(key.source)} (0 means unset)"
    )
    check = (
        f"{look}; compare with the integration's own environment, then put the key of the integration's user "
        f"({_WHERE}) there"
    )
    gone = "is missing, empty or not readable" if file else "is unset or empty"
    cause = f"{key.source} {gone} where mx runs; the integration may have lost it in the same way"
    if refused:
        return about(
            case,
            refused,
            rule="key-missing",
            verdict="key",
            symptom=f"no API key: {everyone(case, refused)} answered 401",
            cause=cause,
            check=check,
            also=(front_door(case),),
        )
    return Finding(
        rule="key-missing",
        severity=Severity.SEV4,
        verdict="key",
        symptom="no API key to ask with",
        cause=cause,
        check=check,
        evidence=(f"{key.source}: {key.length} characters",),
    )


def key_rejected(case: Case) -> Finding | None:
    """A key was sent and answered with 401: why that may be, the certain reason first."""
    refused = case.where(_rejected)
    if not refused or (case.key is not None and not case.key.present):
        return None
    words = first_error(refused, _rejected)
    said = f' "{words}"' if words else ""
    return about(
        case,
        refused,
        rule="key-rejected",
        verdict="key",
        symptom=f"the API key is rejected: {everyone(case, refused)} answered 401{said} "
        f"({share(refused, _rejected)} tries)",
        cause=_why_rejected(case, refused),
        check=(
            f"`{curl(case, refused[0].path, show='-i')}` shows the answer; in {_WHERE} see whether the key and its "
            "user still exist. If not: make a new key, put it where the integration reads it, restart the "
            "integration, and revoke the old key only after the new one answers 200"
        ),
        also=(*_changes(case, KEY_ENDED), _key_line(case), front_door(case)),
    )


def _why_rejected(case: Case, refused: tuple[Endpoint, ...]) -> str:
    key, org = case.key, case.integration.org_id
    if key is not None and key.expired:
        return f"the key expired: its JWT says exp {key.expires_at}"
    reasons: list[str] = []
    reasons += _cause(case, KEY_ENDED)
    if key is not None and key.stray:
        reasons.append(f"the key holds {listed(key.stray)}, which does not belong there")
    if any(sample.html for e in refused for sample in e.samples if _rejected(sample)):
        reasons.append(
            "the answer was a page, which MaintainX sends where no key arrived at all: "
            "a proxy on the way may have removed the Authorization header"
        )
    usual = "revoked, expired, or its user was removed"
    wrong_org = (
        f"x-organization-id {org} is not an organisation of this key"
        if org
        else "the key is of another organisation (MAINTAINX_ORG_ID is not set)"
    )
    known = "" if key is None or key.expires_at is None else f" (it expires only on {key.expires_at})"
    if len(refused) < len(case.endpoints):
        reasons.append("other endpoints accept the key, so its user may lack a permission here")
    reasons.append(f"the key was {usual}{known}")
    reasons.append(wrong_org)
    return "; or ".join(reasons)


def _changes(case: Case, events: frozenset[str]) -> tuple[str, ...]:
    """What was done at MaintainX in the day before that may be the cause, the latest first."""
    found = [one for one in reversed(case.changes) if one.event in events]
    return tuple(f"MaintainX's webhook: {told(one, failed_at=case.at, what='this look')}" for one in found)


def _cause(case: Case, events: frozenset[str]) -> tuple[str, ...]:
    """The latest of it as the likely cause; of a token MaintainX does not say whose it was."""
    found = [one for one in case.changes if one.event in events]
    if not found:
        return ()
    which = ", and it may be this one" if found[-1].event == "API_TOKEN_REVOKED" else ""
    return (f"{found[-1].says} at {found[-1].at:%H:%M} UTC{which}",)


def _key_line(case: Case) -> str | None:
    reading = case.reading("key")
    return f"key: {reading.says}" if reading else None


def key_forbidden(case: Case) -> Finding | None:
    """403 with the API's own words: the key is good, its user may not."""
    refused = case.where(_forbidden)
    if not refused:
        return None
    words = first_error(refused, _forbidden)
    said = f' "{words}"' if words else ""
    usual = "the role of the key's user was lowered, or the organisation's plan no longer includes the API"
    return about(
        case,
        refused,
        rule="key-forbidden",
        verdict="key",
        symptom=f"the key's user may not read {everyone(case, refused)}: 403{said}",
        cause="; or ".join((*_cause(case, KEY_LESS), usual)),
        check=(
            f"`{curl(case, refused[0].path, show='-i')}` shows the answer; look up the role of the key's user in "
            "MaintainX (Users > the user > role), or use the key of a service user with the right role"
        ),
        also=(*_changes(case, KEY_LESS), _key_line(case)),
    )


def key_unsendable(case: Case) -> Finding | None:
    """No HTTP client can send this key."""
    unsent = case.where(_unsent)
    if not unsent:
        return None
    stray = listed(case.key.stray) if case.key and case.key.stray else "characters that no header may carry"
    return about(
        case,
        unsent,
        rule="key-unsendable",
        verdict="key",
        symptom=f"the API key cannot be sent: it holds {stray}",
        cause="it was copied together with something else, or a file in another encoding was pasted",
        check=f"copy the key anew from {_WHERE}, as plain text in one line, and triage again",
        also=(_key_line(case),),
    )


def key_odd(case: Case) -> Finding | None:
    """The key looks wrong but was accepted: lenient clients trim it, a strict one would fail."""
    reading, key = case.reading("key"), case.key
    if reading is None or reading.status is not Status.FAILING:
        return None
    if key is not None and not key.present:
        return None
    if case.where(_rejected) or case.where(_unsent):
        return None
    return Finding(
        rule="key-odd",
        severity=Severity.SEV4,
        verdict="key",
        symptom=f"the API key looks wrong: {_oddness(key)}",
        cause="it was pasted or written with something around it; mx trims white space, "
        "the integration's HTTP client may refuse it",
        check=f"{key_length(key.source if key else 'MAINTAINX_API_KEY')} against the length shown in the evidence; "
        "write it again without the extra characters (`printf %s`, not `echo`), then restart the integration",
        evidence=(f"key: {reading.says}",),
    )


def _oddness(key: KeyDetail | None) -> str:
    if key is None:
        return "see the evidence"
    if key.stray:
        return f"it holds {listed(key.stray)}"
    return f"its exp {key.expires_at} has passed, yet it was accepted" if key.expired else "see the evidence"
