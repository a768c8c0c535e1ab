"""Where the database is: the part of a ``sqlite:`` URL that is a path."""

from pathlib import Path

from bot.errors import ConfigError

_WRITE = "write sqlite:///NAME.db, or sqlite:////FOLDER/NAME.db for an absolute path"


def sqlite_path(url: str, *, beside: Path) -> Path:
    """The file that a database URL names; a relative one lies in the folder ``beside``.

    Raises ConfigError. The URL itself is never repeated: it may hold a password.
    """
    scheme, found, rest = url.strip().partition("://")
    match scheme.lower():
        case _ if not found:
            fault = f"the database URL has no scheme; {_WRITE}"
        case "postgresql" | "postgres":
            fault = f"PostgreSQL is not supported yet; {_WRITE}"
        case "sqlite" if not rest.startswith("/"):
            fault = f"a sqlite URL has three slashes before a relative path and four before an absolute one; {_WRITE}"
        case "sqlite" if "?" in rest or "#" in rest:
            fault = f"a sqlite URL takes no options after ? or #; {_WRITE}"
        case "sqlite" if rest in {"/", "/:memory:"} or rest.endswith("/"):
            fault = f"the sqlite URL names no file, and what is kept in memory is lost at the next restart; {_WRITE}"
        case "sqlite":
            return beside / rest[1:]
        case _:
            fault = f"databases of the kind {scheme!r} are not supported; {_WRITE}"
    raise ConfigError((fault,))
