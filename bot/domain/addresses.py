"""URLs as they are shown: never with user name and password, and odd ones without a fuss."""

from urllib.parse import SplitResult, urlsplit


def shown(url: str) -> str:
    """The URL without user name and password."""
    parts = _split(url)
    return parts._replace(netloc=_bare(parts)).geturl() if parts else "[an unreadable URL]"


def shown_host(url: str) -> str:
    """``host`` or ``host:port`` of a URL."""
    parts = _split(url)
    return _bare(parts) or shown(url) if parts else "[an unreadable URL]"


def front_page(url: str) -> str:
    """The scheme and host of a URL: where a person looks."""
    parts = _split(url)
    return f"{parts.scheme}://{_bare(parts)}" if parts else "[an unreadable URL]"


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _bare(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
