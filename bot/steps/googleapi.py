"""Google's official clients over REST, loaded only when they are used: calls in a thread, errors in sentences."""

import asyncio
import importlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bot.errors import OutsideError
from bot.steps.keystore import hidden

T = TypeVar("T")

CALL_S = 15.0
"""The longest that one call may take."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST = 300
_SECRETS, _RUN = "google.cloud.secretmanager_v1", "google.cloud.run_v2"


class Google:
    """Both clients, each made at its first use. A URL of loopback is spoken to without credentials."""

    def __init__(self, *, secrets_url: str | None = None, run_url: str | None = None) -> None:
        self._urls = {_SECRETS: secrets_url, _RUN: run_url}
        self._made: dict[str, Any] = {}

    async def secrets(self, doing: str, act: Callable[[Any], T], *, hide: tuple[str, ...] = ()) -> T:
        """Do this with Secret Manager's client. Raises OutsideError that begins with ``doing``."""
        return await self._call(_SECRETS, "SecretManagerServiceClient", doing, act, hide=hide)

    async def run(self, doing: str, act: Callable[[Any], T]) -> T:
        """Do this with Cloud Run's client of services. Raises OutsideError that begins with ``doing``."""
        return await self._call(_RUN, "ServicesClient", doing, act)

    async def _call(
        self, module: str, client: str, doing: str, act: Callable[[Any], T], *, hide: tuple[str, ...] = ()
    ) -> T:
        def work() -> T:
            if module not in self._made:
                self._made[module] = _client(module, client, url=self._urls[module])
            return act(self._made[module])

        try:
            return await asyncio.to_thread(work)
        except OutsideError as error:
            raise OutsideError(f"{doing}: {error}", permanent=error.permanent) from None
        except Exception as error:  # noqa: BLE001 - three libraries with errors of their own, told apart below
            told = _told(error, doing=doing, hide=hide)
        raise told


def loaded(module: str) -> Any:
    """A module of Google's clients. Raises OutsideError where they are not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise OutsideError(
            "Google's clients are not installed here: pip install 'mx-incident[gcp]'", permanent=True
        ) from None


def code_of(error: OutsideError) -> int:
    """The HTTP status that Google answered with; 0 where it did not answer."""
    return error.code if isinstance(error, GoogleError) else 0


class GoogleError(OutsideError):
    """Google did not do it; ``code`` is the HTTP status, 0 where no answer came."""

    def __init__(self, text: str, *, code: int, permanent: bool) -> None:
        super().__init__(text, permanent=permanent)
        self.code = code


def _client(module: str, name: str, *, url: str | None) -> Any:
    made = getattr(loaded(module), name)
    options = {"api_endpoint": url} if url else None
    host = urlsplit(url or "").hostname
    credentials = None
    if url and url.startswith("http://"):
        if host not in _LOOPBACK:
            raise OutsideError(
                f"{url} is not encrypted and would be sent the key; use https, or an address of this machine",
                permanent=True,
            )
        credentials = loaded("google.auth.credentials").AnonymousCredentials()
    client = made(transport="rest", credentials=credentials, client_options=options)
    # At DEBUG these two write down each request's payload, which is the key.
    for spoken in (type(client).__module__, type(client.transport).__module__):
        logging.getLogger(spoken).setLevel(logging.WARNING)
    return client


def _told(error: Exception, *, doing: str, hide: tuple[str, ...]) -> OutsideError:
    """Google's words, or the network's, with what to do next; the clients may raise either."""
    says = hidden(str(getattr(error, "message", "")), *hide).strip()
    says = says.rpartition("json%3Benum-encoding%3Dint: ")[2][:_LONGEST]  # the client puts the URL before it
    code = int(getattr(error, "code", 0) or 0)
    # A look at the names alone, so that no module is loaded only to tell what went wrong.
    named = {kind.__module__.partition(".")[0] + "." + kind.__name__ for kind in type(error).__mro__}
    if "google.GoogleAPICallError" in named:
        if says.lstrip().startswith("<"):
            says = "a page, no answer of the API"
        advice = _ADVICE.get(code, "try again" if code >= 500 or code == 429 else "look at the setting")  # noqa: PLR2004 - HTTP
        return GoogleError(
            f"{doing}: Google answered {code}: {says}; {advice}",
            code=code,
            permanent=400 <= code < 500 and code not in (409, 429),  # noqa: PLR2004 - HTTP's own borders
        )
    if "google.GoogleAuthError" in named:
        return OutsideError(
            f"{doing}: mx has no working Google credentials here ({type(error).__name__}); give it a service "
            "account of its own, or set GOOGLE_APPLICATION_CREDENTIALS to its key file",
            permanent=True,
        )
    if "requests.Timeout" in named or isinstance(error, TimeoutError):
        return GoogleError(f"{doing}: no answer within {CALL_S:g} s; try again", code=0, permanent=False)
    if "requests.RequestException" in named:
        return GoogleError(
            f"{doing}: the connection to Google did not hold ({type(error).__name__}); look at this machine's "
            "way out, then try again",
            code=0,
            permanent=False,
        )
    raise error


_ADVICE = {
    401: "look at the service account of mx",
    403: "give mx's service account the permission that is named there",
    404: "look at gcp_project, gcp_region, gcp_service and gcp_secret",
    409: "somebody changes it at the same time; try again",
}
