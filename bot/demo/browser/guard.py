"""Who may ask the simulator: a browser on this machine, from the simulator's own page.

Any page of the internet can make a browser send requests to 127.0.0.1, and can give 127.0.0.1 a name of its own
(DNS rebinding). So the Host has to be a loopback address, an Origin has to be our own, and what changes something
has to be JSON, which a foreign form cannot send without asking first.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What every answer of the simulator carries."""


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from the simulator's own page, and send every answer with ``HEADERS``, unless it has stricter ones."""
    says = refusal(request)
    if says:
        return web.json_response({"error": says}, status=403, headers=HEADERS)
    answer = await handler(request)
    if not answer.prepared:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


def refusal(request: web.Request) -> str | None:
    """Why this request is not taken; None where it is."""
    host = request.host
    if not _loopback(urlsplit(f"//{host}").hostname or ""):
        return "the simulator answers at a loopback address only: open the address that it printed"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{host}":
        return "this request comes from another page: use the simulator's own"
    changes = request.method not in {"GET", "HEAD"}
    if changes and request.content_type != "application/json":
        return "what changes the simulator is sent as application/json"
    return None


def _loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
