"""The step ``key-test``: one read at MaintainX with the new key, before anything takes it."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

import httpx
from pydantic import JsonValue, SecretStr

from bot.domain.gateway import listed
from bot.domain.integration import Integration
from bot.domain.keytext import expiry, stray_parts
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.maintainx import error_text, host_of, rate_headers
from bot.ports import Gateway, StepContext, StepResult
from bot.steps import values
from bot.steps.rotation import Rotation, new_key

PATH = "/users"
_NEW_ONE = "create one in MaintainX under Settings > Integrations > API Keys, and hand that over"


class KeyTest:
    """Asks MaintainX itself, past the gateway: the gateway may be holding requests back."""

    kind = "key-test"

    def __init__(self, rotation: Rotation, gateway: Gateway) -> None:
        self._rotation = rotation
        self._gateway = gateway

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        integration = self._rotation.integration(context)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"ask {host_of(integration.base_url)} for one user with the new key; nothing goes on without it",
            touches="1 request",
            undo_says="",
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        integration = self._rotation.integration(context)
        store = self._rotation.store(context) if context.secret is None and integration.key_store else None
        key = await new_key(context, store)
        if not key.get_secret_value():
            return _failed(f"what was handed over is empty; {_NEW_ONE}")
        if odd := stray_parts(key.get_secret_value()):
            what = f"the new key has {listed(odd)}"
            return _failed(f"{what}; hand it over again without that, nothing was asked with it")
        own = self._rotation.own_key(context)
        same = own is not None and (own.current() or "").strip() == key.get_secret_value()
        result = await _asked(integration, key, same=same)
        with suppress(OutsideError):  # the budget is told where there is a gateway
            await self._gateway.spent(1)
        return result

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None


async def _asked(integration: Integration, key: SecretStr, *, same: bool) -> StepResult:
    headers = {"Authorization": f"Bearer {key.get_secret_value()}", "Accept": "application/json"}
    if integration.org_id:
        headers["x-organization-id"] = integration.org_id
    host = host_of(integration.base_url)
    url = integration.base_url.rstrip("/") + PATH
    plain = integration.base_url.startswith(("http://127.0.0.1", "http://localhost"))
    try:
        async with httpx.AsyncClient(timeout=integration.deadline_s, trust_env=not plain) as http:
            answer = await http.get(url, params={"limit": "1"}, headers=headers)
    except httpx.TimeoutException:
        return _failed(
            f"{host} did not answer within {integration.deadline_s:g} s, so the key could not be tested; try again, "
            "or pass over this step with a reason"
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return _failed(
            f"{host} could not be asked ({type(error).__name__}), so the key could not be tested; look at this "
            "machine's way out, then try again"
        )
    return _judged(answer, host=host, ms=answer.elapsed.total_seconds() * 1000, same=same, key=key)


def _judged(answer: httpx.Response, *, host: str, ms: float, same: bool, key: SecretStr) -> StepResult:  # noqa: PLR0911 - one case per kind of answer
    code = answer.status_code
    words = error_text(answer.content)
    page = words is None and answer.content.lstrip().startswith(b"<")
    said = f" ({words})" if words else ""
    mine = "; it is the key that mx has in use already" if same else ""
    match code:
        case HTTPStatus.OK if _has_users(answer):
            ends = expiry(key.get_secret_value())
            until = (f"it says that it ends on {ends:%Y-%m-%d %H:%M} UTC",) if ends else ()
            return StepResult("done", f"{host} accepts the new key: answered in {ms:.0f} ms{mine}", until)
        case HTTPStatus.UNAUTHORIZED if "text/html" in answer.headers.get("content-type", ""):
            return _failed(
                f"{host} answered 401 as it does to a request without any key{said}: what was handed over reads as "
                f"empty there, or something on the way takes the key away{mine}; {_NEW_ONE}"
            )
        case HTTPStatus.UNAUTHORIZED:
            return _failed(f"MaintainX does not accept this key{said}{mine}; {_NEW_ONE}")
        case HTTPStatus.FORBIDDEN if not page:
            return StepResult(
                "inconclusive",
                f"{host} knows the new key, but its user may not list users (403){said}; that user's role has to "
                f"be the one that the service needs{mine}",
            )
        case HTTPStatus.BAD_REQUEST if words and "organization" in words.lower():
            return _failed(
                f"{host} wants to know the organisation{said}; set MAINTAINX_ORG_ID for mx and for the service, then "
                "try again"
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            wait = rate_headers(answer.headers)
            after = wait.retry_after_s or wait.reset_s or 60.0
            return _failed(
                f"{host} answered 429{said}: the limit of this key's user or of the organisation is used up, so the "
                f"key could not be tested; try again in {after:.0f} s"
            )
        case _ if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _failed(
                f"{host} answered {code}{said}: MaintainX itself has trouble, so the key could not be tested; try "
                "again when it is back, or pass over this step with a reason"
            )
        case _:
            what = "a page" if page else "something that is not a list of users"
            return _failed(f"{host} answered {code} with {what}{said}; look at the base URL, then try again")


def _has_users(answer: httpx.Response) -> bool:
    try:
        found = answer.json()
    except ValueError:
        return False
    return isinstance(found, dict) and isinstance(found.get("users"), list)


def _failed(says: str) -> StepResult:
    return StepResult(outcome="failed", says=says)
