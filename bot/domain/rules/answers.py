"""Rules about answers that are neither good nor a server error: 404, another refusal, an odd body."""

from bot.domain.assessment import Finding
from bot.domain.case import FORBIDDEN, LIMITED, NOT_FOUND, OK, SERVER_ERROR, UNAUTHORISED, Case, bad
from bot.domain.readings import Sample
from bot.domain.rules.wording import about, base, curl, everyone, first_error, front_door, host, named


def _not_found(sample: Sample) -> bool:
    return sample.code == NOT_FOUND


def path_changed(case: Case) -> Finding | None:
    """404 on one endpoint or some: the path is not there any more, or the user cannot see it."""
    missing = case.where(_not_found)
    if not missing or len(missing) == len(case.endpoints) > 1:
        return None
    return about(
        case,
        missing,
        rule="path-changed",
        verdict="maintainx",
        symptom=f"{named(missing)} answered 404 while other endpoints exist",
        cause="the path changed in the API; a 404 can also mean that the key's user may not see the collection",
        check=(
            f"compare with the vendor's published document: `curl -sS {base(case)}/openapi.json | "
            f"jq '.paths | keys'` (looking for {named(missing)}); if it is gone there, the integration must follow"
        ),
    )


def base_url_wrong(case: Case) -> Finding | None:
    """404 everywhere: it is the address, not the API."""
    missing = case.where(_not_found)
    if len(missing) < 2 or len(missing) < len(case.endpoints):  # noqa: PLR2004 - one alone is a path
        return None
    return about(
        case,
        missing,
        rule="base-url-wrong",
        verdict="us",
        symptom=f"{everyone(case, missing)} answered 404",
        cause=f"{base(case)} is not the API's base URL (it ends in /v1), or the API moved as a whole",
        check=(
            "MAINTAINX_BASE_URL should be https://api.getmaintainx.com/v1; "
            "`curl -sS https://api.getmaintainx.com/v1/openapi.json | jq .servers` names the right one"
        ),
        also=(front_door(case),),
    )


def odd_answers(case: Case) -> Finding | None:
    """A 200 that does not carry what was promised."""
    odd = tuple(e for e in case.endpoints if e.failing and not e.detail.body_ok)
    if not odd:
        return None
    page = any(s.html for e in odd for s in e.samples if s.code == OK)
    return about(
        case,
        odd,
        rule="odd-answers",
        verdict="network" if page else "maintainx",
        symptom=f"{everyone(case, odd)} answered 200 with "
        + ("a web page instead of data" if page else "a body that is not the promised list"),
        cause=(
            f"something between here and {host(case)} answers in its place (a proxy, a login page, a wrong base URL)"
            if page
            else "the shape of the API's answers changed, or something on the way changes them"
        ),
        check=(
            f"`{curl(case, odd[0].path, show='-i')}` shows who answers; the documented shape is in "
            f"{base(case)}/openapi.json"
        ),
        also=(front_door(case),),
    )


_EXPLAINED = frozenset((OK, UNAUTHORISED, NOT_FOUND, LIMITED))


def _refused(sample: Sample) -> bool:
    code = sample.code
    return (
        code is not None
        and code < SERVER_ERROR
        and code not in _EXPLAINED
        and (code != FORBIDDEN or sample.html)
    )


def request_refused(case: Case) -> Finding | None:
    """Any other answer: a 400 (the organisation's header is missing), an edge's 403 page, a redirect."""
    refused = case.where(_refused)
    if not refused:
        return None
    sample = next(s for s in refused[0].samples if _refused(s))
    words = first_error(refused, _refused)
    said = f' "{words}"' if words else ""
    edge = sample.code == FORBIDDEN
    organisation = "organization-id" in (words or "").lower()
    if organisation:
        cause = "the key is valid for several organisations, so each request must name one"
        check = "set MAINTAINX_ORG_ID to the organisation's number, for mx and for the integration, and triage again"
    elif edge:
        cause = f"the edge in front of {host(case)} refuses this machine: its address or country, or a firewall rule"
        check = f"`{curl(case, refused[0].path, show='-i')}` from another network; if that works, ask MaintainX support"
    else:
        cause = "the request is not understood at that address: the base URL, a proxy on the way, or a changed API"
        check = f"`{curl(case, refused[0].path, show='-i')}` shows the whole answer and who sent it"
    return about(
        case,
        refused,
        rule="request-refused",
        verdict="us" if organisation else "network" if edge else "maintainx",
        symptom=f"{everyone(case, refused)} answered HTTP {sample.code}{said}",
        cause=cause,
        check=check,
        also=(front_door(case),),
    )


def unexplained(case: Case) -> Finding | None:
    """A failing endpoint that no other rule explains: said as it is, never swallowed."""
    puzzling = tuple(e for e in case.endpoints if e.failing and e.detail.body_ok and not e.any(bad))
    if not puzzling:
        return None
    return about(
        case,
        puzzling,
        rule="unexplained",
        verdict="maintainx",
        symptom=f"{named(puzzling)} failed in a way that no rule explains",
        cause="not known; the evidence holds all that was seen",
        check=f"`{curl(case, puzzling[0].path, show='-i')}` shows the whole answer",
    )
