"""Who may use the admin routes: the bearer of the token; where none is configured, this machine alone. Pure."""

import hmac
import ipaddress
from collections.abc import Mapping


def may_administer(
    token: str | None, *, authorization: bytes | None, peer: str | None, headers: Mapping[str, str]
) -> bool:
    """True where this request may see and change the gateway's policy.

    Without a token only a loopback peer may, and not one that speaks for somebody else: a reverse proxy on this
    machine (which adds ``Forwarded`` or ``X-Forwarded-For``) or a web page in a browser (which sends ``Origin``).
    """
    if token is not None:
        scheme, _, given = (authorization or b"").partition(b" ")
        right = hmac.compare_digest(given.strip(), token.encode("utf-8"))
        return right and scheme.lower() == b"bearer"
    if any(name in headers for name in ("Forwarded", "X-Forwarded-For", "Origin")):
        return False
    return is_loopback(peer)


def is_loopback(peer: str | None) -> bool:
    """Whether an address is this machine's own; IPv4 in IPv6 is read too."""
    try:
        address = ipaddress.ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
