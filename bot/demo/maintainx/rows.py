"""The rows of the stand-in MaintainX: a small plant with people, places, machines and work orders."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

Row = dict[str, object]
Table = dict[int, Row]

_PEOPLE = (
    ("Ada", "Moreau", "ADMIN"),
    ("Ben", "Okafor", "MEMBER"),
    ("Chloe", "Lindqvist", "MEMBER"),
    ("Dev", "Raman", "OPERATOR"),
    ("Eva", "Szabo", "REQUESTER"),
    ("Sync", "Account", "SERVICE_ACCOUNT"),
)
_PLACES = ("Plant 1", "Packaging hall", "Boiler house", "Cold store", "Loading dock", "Workshop")
_MACHINES = (
    ("Filler 3", "Filling line, 12 heads", "Krauss", "VF-12"),
    ("Palletiser A", "Robot palletiser", "Fenwick", "PR-400"),
    ("Boiler 1", "Steam boiler, 4 t/h", "Norden", "SB-4"),
    ("Chiller 2", "Ammonia chiller", "Polar", "CH-90"),
    ("Conveyor 7", "Belt conveyor to the dock", "Fenwick", "BC-7"),
    ("Compressor B", "Screw compressor", "Airon", "SC-55"),
    ("Labeller 2", "Wrap labeller", "Krauss", "LB-2"),
    ("Forklift 11", "Electric forklift", "Tarn", "EF-16"),
)
_JOBS = (
    ("Replace the seal on {}", "REACTIVE"),
    ("Monthly inspection of {}", "PREVENTIVE"),
    ("Strange noise from {}", "REACTIVE"),
    ("Grease the bearings of {}", "PREVENTIVE"),
    ("Clean the filters of {}", "PREVENTIVE"),
    ("Leak under {}", "REACTIVE"),
)


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z, as the API writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Rows:
    """Everything the API keeps, by collection path; ids grow and are never used twice."""

    def __init__(
        self, *, now: Callable[[], datetime], organisation: int, seed: int, workorders: int = 240
    ) -> None:
        self.now = now
        self.tables: dict[str, Table] = {
            "/users": {},
            "/workorders": {},
            "/assets": {},
            "/locations": {},
            "/parts": {},
            "/purchaseorders": {},
            "/organizations": {
                organisation: {"id": organisation, "name": "Riverside Foods", "timeZone": "UTC"}
            },
        }
        self.comments: dict[int, list[Row]] = {}
        self._last_id = 40_000
        self._organisation = organisation
        self._fill(random.Random(seed), workorders)  # noqa: S311 - the same plant each time, no secret

    def new_id(self) -> int:
        """The next id."""
        self._last_id += 1
        return self._last_id

    def add(self, path: str, row: Row, *, organisation: int | None = None) -> int:
        """Keep a row with an id, its times and its organisation; null fields are left out."""
        number, at = self.new_id(), stamp(self.now())
        full: Row = {"id": number, "createdAt": at, "updatedAt": at}
        if path == "/workorders":
            full |= {
                "sequentialId": len(self.tables[path]) + 1,
                "status": "OPEN",
                "priority": "NONE",
                "type": "OTHER",
            }
        full["organizationId"] = organisation or self._organisation
        self.tables[path][number] = full | {key: value for key, value in row.items() if value is not None}
        return number

    def change(self, path: str, number: int, values: Row) -> Row:
        """Change a row; a null removes the field."""
        row = self.tables[path][number]
        for key, value in values.items():
            if value is None:
                row.pop(key, None)
            else:
                row[key] = value
        row["updatedAt"] = stamp(self.now())
        return row

    def comment(self, number: int, content: str, author: int) -> int:
        """Keep a comment; it does not move the work order's ``updatedAt``."""
        row: Row = {
            "id": self.new_id(),
            "content": content,
            "authorId": author,
            "createdAt": stamp(self.now()),
        }
        self.comments.setdefault(number, []).append(row)
        return int(str(row["id"]))

    def _fill(self, dice: random.Random, workorders: int) -> None:
        people = []
        for first, last, role in _PEOPLE:
            email = f"{first}.{last}@riverside.example".lower()
            person: Row = {"firstName": first, "lastName": last, "email": email, "role": role}
            people.append(self._old("/users", person, days=400))
        places = [self._old("/locations", {"name": name}, days=390) for name in _PLACES]
        machines: list[tuple[int, str]] = []
        for index, (name, about, maker, model) in enumerate(_MACHINES):
            machine: Row = {"name": name, "description": about, "manufacturer": maker, "model": model}
            machine |= {
                "locationId": places[index % len(places)],
                "serialNumber": f"{model}-{1000 + 37 * index}",
            }
            machines.append((self._old("/assets", machine, days=380 - index), name))
        for index, name in enumerate(("Seal 40 mm", "V-belt 1250", "Bearing 6204", "Filter cartridge")):
            self._old("/parts", {"name": name, "partNumber": f"P-{500 + index}"}, days=300)
        for index in range(workorders):
            asset, name = dice.choice(machines)
            title, kind = dice.choice(_JOBS)
            age = (workorders - index) * 90 / max(1, workorders)
            order: Row = {
                "title": title.format(name),
                "type": kind,
                "assetId": asset,
                "creatorId": dice.choice(people),
            }
            order |= {
                "priority": dice.choice(("NONE", "LOW", "MEDIUM", "HIGH")),
                "locationId": dice.choice(places),
            }
            order["status"] = "DONE" if age > 20 else dice.choice(("OPEN", "IN_PROGRESS", "ON_HOLD", "DONE"))  # noqa: PLR2004 - days
            self._old("/workorders", order, days=age)

    def _old(self, path: str, row: Row, *, days: float) -> int:
        number = self.add(path, row)
        at = stamp(self.now() - timedelta(days=days))
        self.tables[path][number] |= {"createdAt": at, "updatedAt": at}
        if path == "/users":
            for key in ("createdAt", "updatedAt", "organizationId"):
                del self.tables[path][number][key]
        return number
