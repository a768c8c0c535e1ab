"""Who may see the pages of incidents: a key in the link, then a cookie; whoever has neither is told what to type."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from bot.page_links import LIST, PageLinks

Fill = Callable[..., str]
"""Fills in the template of this name with these values."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer here: nothing from elsewhere, nothing kept, nobody told where one came from."""

_KEY = "key"
_COOKIES = {True: "mx_incidents", False: "mx_incident"}
"""By whether it is the list's, which opens every incident too."""


class Entry:
    """Judges a request. The answer is the same for a bad key, an old one, none, and an incident that is not there."""

    def __init__(self, links: PageLinks, *, public_url: str | None, fill: Fill) -> None:
        self._links = links
        parts = urlsplit(public_url or "")
        self._root = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._fill = fill

    def incident(self, request: web.Request, incident: str) -> web.Response | None:
        """None where the request may see this incident, else what it is answered."""
        return self._judged(request, f"{LIST}/{incident}")

    def list(self, request: web.Request) -> web.Response | None:
        """None where the request may see the list, else what it is answered."""
        return self._judged(request, LIST)

    def refused(self, *, depth: int) -> web.Response:
        """What whoever may not see it gets to read; ``depth``: how many folders deep the address is."""
        said = self._fill(
            "refused.html.j2",
            root="../" * depth,
            missing=self._links.missing,
            set_up=self._links.opens_anything,
        )
        return page(said, status=HTTPStatus.FORBIDDEN)

    def sees_the_list(self, request: web.Request) -> bool:
        """Whoever came through the list gets the way back to it."""
        return self._by_cookie(request, LIST)

    def _judged(self, request: web.Request, what: str) -> web.Response | None:
        key = request.query.get(_KEY)
        if key is not None and (left_s := self._links.left_s(what, key)) > 0:
            return self._let_in(request, what, key, left_s=left_s)
        if self._by_cookie(request, what):
            # An old link in the hands of somebody who is let in anyway: its key leaves the address bar too.
            return None if key is None else _clean(request)
        return self.refused(depth=what.count("/"))

    def _by_cookie(self, request: web.Request, what: str) -> bool:
        own = request.cookies.get(_COOKIES[what == LIST], "")
        return self._links.left_s(what, own) > 0 or (
            what != LIST and self._links.left_s(LIST, request.cookies.get(_COOKIES[True], "")) > 0
        )

    def _let_in(self, request: web.Request, what: str, key: str, *, left_s: float) -> web.Response:
        answer = _clean(request)
        answer.set_cookie(
            _COOKIES[what == LIST],
            key,
            path=f"{self._root}/{what}",
            max_age=int(left_s),
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )
        return answer


def page(text: str, *, status: int = HTTPStatus.OK) -> web.Response:
    """An HTML page with the headers of all of them."""
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)


def _clean(request: web.Request) -> web.Response:
    """On to the same address without the key."""
    url = request.rel_url
    query = f"?{rest}" if (rest := url.without_query_params(_KEY).raw_query_string) else ""
    return web.Response(
        status=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": f"./{url.raw_name}{query}"}
    )
