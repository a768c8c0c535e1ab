"""What is kept of a write: the entity whose order it shares, the headers, the body as it goes out."""

import json

import pytest

from bot.gateway.buffer.writes import (
    Write,
    entity_of,
    kept_headers,
    marked,
    parts_of,
    without_webhook,
)
from tests.gateway.buffer.rig import sent

# Every write of the vendor's API document of July 2026, and what it touches; ``alone``: a creation touches nothing.
TOUCHES = """
POST               /assets                                     alone
PATCH DELETE       /assets/12                                  assets/12
PUT DELETE         /assets/12/attachments/a.pdf                assets/12
PUT                /assets/12/thumbnail/a.png                  assets/12
POST               /assets/12/status                           assets/12
PATCH              /assetstatuses/12                           assetstatuses/12
POST               /assetcustomstatuses                        alone
PATCH DELETE       /assetcustomstatuses/12                     assetcustomstatuses/12
POST               /categories                                 alone
PATCH DELETE       /categories/12                              categories/12
POST               /conversations/12/messages                  conversations/12
POST               /locations                                  alone
PATCH DELETE       /locations/12                               locations/12
PUT DELETE         /locations/12/attachments/a.pdf             locations/12
PUT                /locations/12/thumbnail/a.png               locations/12
POST               /maintenanceplans                           alone
POST               /maintenanceplans/workorderblueprints       maintenanceplans/workorderblueprints
PATCH DELETE       /maintenanceplans/12                        maintenanceplans/12
POST               /meterreadings                              alone
POST               /meters                                     alone
PATCH DELETE       /meters/12                                  meters/12
POST               /meters/12/readings                         meters/12
POST               /metertriggers                              alone
PATCH DELETE       /metertriggers/12                           metertriggers/12
PUT                /metertriggers/12/thumbnail/a.png           metertriggers/12
PATCH              /metertriggers/12/workordertemplates        metertriggers/12
PUT DELETE         /metertriggers/12/workordertemplates/attachments/a.pdf  metertriggers/12
POST               /manufacturers                              alone
POST               /models                                     alone
POST               /parts                                      alone
PATCH DELETE       /parts/12                                   parts/12
PUT DELETE         /parts/12/attachments/a.pdf                 parts/12
PUT                /parts/12/thumbnail/a.png                   parts/12
POST               /parttransferrequests                       alone
PATCH              /parttransferrequests/12                    parttransferrequests/12
POST               /purchaseorders                             alone
PATCH DELETE       /purchaseorders/12                          purchaseorders/12
PUT DELETE         /purchaseorders/12/attachments/a.pdf        purchaseorders/12
POST               /purchaseorders/12/comments                 purchaseorders/12
POST               /purchaseorders/12/emails                   purchaseorders/12
PATCH              /purchaseorders/12/fulfillment              purchaseorders/12
PATCH              /purchaseorders/12/status                   purchaseorders/12
PUT                /purchaseorders/12/thumbnail/a.png          purchaseorders/12
POST               /proceduretemplates                         alone
PATCH DELETE       /proceduretemplates/12                      proceduretemplates/12
PATCH DELETE       /proceduretemplaterows/12                   proceduretemplaterows/12
DELETE             /proceduretemplaterows/12/attachments       proceduretemplaterows/12
PUT                /proceduretemplaterows/12/attachments/a.pdf proceduretemplaterows/12
POST               /subscriptions                              alone
PATCH DELETE       /subscriptions/12                           subscriptions/12
POST               /teams                                      alone
PATCH DELETE       /teams/12                                   teams/12
POST               /teams/12/members                           teams/12
PATCH DELETE       /teams/12/members/34                        teams/12
POST               /users                                      alone
PATCH DELETE       /users/12                                   users/12
POST               /users/12/messages                          users/12
POST               /vendors                                    alone
PATCH DELETE       /vendors/12                                 vendors/12
PUT DELETE         /vendors/12/attachments/a.pdf               vendors/12
POST               /vendors/12/contacts                        vendors/12
PATCH DELETE       /vendors/12/contacts/34                     vendors/12
PUT                /vendors/12/thumbnail/a.png                 vendors/12
POST               /workorders                                 alone
PATCH DELETE       /workorders/12                              workorders/12
PUT DELETE         /workorders/12/attachments/a.pdf            workorders/12
POST               /workorders/12/comments                     workorders/12
POST               /workorders/12/costs                        workorders/12
POST               /workorders/12/emails                       workorders/12
PATCH              /workorders/12/partStatus                   workorders/12
DELETE             /workorders/12/procedure                    workorders/12
DELETE             /workorders/12/procedure/fields/3/attachment        workorders/12
PUT                /workorders/12/procedure/fields/3/attachment/a.pdf  workorders/12
PATCH              /workorders/12/status                       workorders/12
PUT                /workorders/12/thumbnail/a.png              workorders/12
POST               /workPermits/12/sign                        workpermits/12
POST               /workrequests                               alone
PATCH DELETE       /workrequests/12                            workrequests/12
PUT DELETE         /workrequests/12/attachments/a.pdf          workrequests/12
PUT                /workrequests/12/thumbnail/a.png            workrequests/12
POST               /customfields/workOrders                    customfields/workorders
PATCH DELETE       /customfields/workOrders/12                 customfields/workorders/12
POST               /workrequestportals                         alone
PATCH DELETE       /workrequestportals/12                      workrequestportals/12
"""

CASES = [
    (method, path, entity)
    for *methods, path, entity in (line.split() for line in TOUCHES.strip().splitlines())
    for method in methods
]


@pytest.mark.parametrize(("method", "path", "entity"), CASES)
def test_every_write_of_the_api_touches_one_entity(method: str, path: str, entity: str) -> None:
    assert entity_of(method, f"/v1{path}", alone="alone") == entity


@pytest.mark.parametrize(
    "target",
    [
        "/v1/workorders/12?skipWebhook=true",
        "/v1//workorders/12/",
        "/v1/workorders/%31%32/status",
        "/v1/WorkOrders/12",
        "/workorders/12?a=/v1/assets/3",
    ],
)
def test_the_same_work_order_by_another_spelling_is_the_same_entity(target: str) -> None:
    assert entity_of("PATCH", target, alone="alone") == "workorders/12"


def test_what_is_no_known_path_keeps_its_order_with_its_like() -> None:
    assert entity_of("PATCH", "/v1/settings/theme", alone="a") == entity_of(
        "PUT", "/v1/settings/theme", alone="b"
    )
    assert entity_of("PATCH", "/v1/settings", alone="a") == "settings"
    assert entity_of("POST", "/", alone="a") == "a"
    assert entity_of("DELETE", "/v1/things/0123abcd-0123-0123-0123-0123456789AB/x", alone="a") == (
        "things/0123abcd-0123-0123-0123-0123456789ab"
    )


def test_the_parts_of_a_target_are_read_as_maintainx_reads_them() -> None:
    assert parts_of("/v1/workorders/12/status?a=b") == ("workorders", "12", "status")
    assert parts_of("/versions") == ("versions",)
    assert parts_of("/v1/assets/%FF") == ("assets", "\ufffd")


def test_headers_that_are_kept_hold_no_key_and_nothing_of_the_connection() -> None:
    lines = [
        b"Authorization: Bearer secret",
        b"authorization: Bearer secret",
        b"Proxy-Authorization: Basic secret",
        b"Cookie: session=secret",
        b"X-Api-Key: secret",
        b"x-organization-id: 12",
        b"Content-Length: 3",
        b"Accept: application/json",
        b"ACCEPT-language:  de ",
        b"Content-Type: application/json; charset=utf-8",
        b"Content-Encoding: gzip",
        b"Content-Language: de",
        b"User-Agent: caf\xe9/1.0",
        b"X-MX-Job: nightly",
        b"Idempotency-Key: secret",
    ]

    found = kept_headers(lines)

    assert found == (
        ("Accept", "application/json"),
        ("ACCEPT-language", "de"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Encoding", "gzip"),
        ("Content-Language", "de"),
        ("User-Agent", "caf\udce9/1.0"),
        ("X-MX-Job", "nightly"),
    )
    assert "secret" not in json.dumps(found)
    assert "User-Agent: caf\udce9/1.0".encode("utf-8", "surrogateescape") in lines


def mark_of(write: Write) -> bytes:
    return b'"externalData":"mx:' + write.id.encode() + b'"'


@pytest.mark.parametrize(
    ("body", "before", "after"),
    [
        (b'{"title":"A"}', b"{", b',"title":"A"}'),
        (b"{}", b"{", b"}"),
        (b' \r\n{ "title" : "A",  "n": 1.10 }\n', b" \r\n{", b', "title" : "A",  "n": 1.10 }\n'),
        (b'{"title":"{\\"a\\":1}"}', b"{", b',"title":"{\\"a\\":1}"}'),
        ('{"title":"Füllstand ✓"}'.encode(), b"{", ',"title":"Füllstand ✓"}'.encode()),
        (b'{"nested":{"externalData":"theirs"}}', b"{", b',"nested":{"externalData":"theirs"}}'),
    ],
)
def test_a_work_order_gets_its_mark_and_no_other_byte_is_touched(
    body: bytes, before: bytes, after: bytes
) -> None:
    write = sent("POST", "/v1/workorders", body)

    goes_out, mark = marked(write)

    assert goes_out == before + mark_of(write) + after
    assert mark == f"mx:{write.id}"
    assert json.loads(goes_out) == {**json.loads(body), "externalData": mark}


def test_an_explicit_null_is_replaced_by_the_mark() -> None:
    write = sent("POST", "/v1/workorders", b'{"title":"A","externalData":null,"priority":"LOW"}')

    goes_out, mark = marked(write)

    assert json.loads(goes_out) == {"title": "A", "externalData": f"mx:{write.id}", "priority": "LOW"}
    assert mark == f"mx:{write.id}"


@pytest.mark.parametrize("own", ["theirs", 17, {"id": 3}, False, 0, ""])
def test_an_external_id_of_ones_own_is_left_alone(own: object) -> None:
    body = json.dumps({"title": "A", "externalData": own}).encode()

    assert marked(sent("POST", "/v1/workorders", body)) == (body, own)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PATCH", "/v1/workorders/12"),
        ("POST", "/v1/workorders/12/comments"),
        ("POST", "/v1/assets"),
        ("POST", "/v1/workrequests"),
        ("PUT", "/v1/workorders"),
    ],
)
def test_only_the_creation_of_a_work_order_is_marked(method: str, target: str) -> None:
    body = b'{"title":"A"}'
    assert marked(sent(method, target, body)) == (body, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"title=A",
        b'["title"]',
        b'"title"',
        b'{"title":"A"',
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe\x00",
        '{"title":"A"}'.encode("utf-16"),
        '{"title":"A"}'.encode("utf-16-le"),
        b"\xef\xbb\xbf" + b'{"title":"A"}',
        b"[" * 200_000,
        b'{"title":' + b"[" * 200_000,
    ],
)
def test_a_body_that_nobody_can_read_goes_out_as_it_came(body: bytes) -> None:
    assert marked(sent("POST", "/v1/workorders", body)) == (body, None)


@pytest.mark.parametrize("body", [b'{"title":"\\ud83d"}', b'{"title":"\\ud83d","externalData":null}'])
def test_half_an_emoji_in_a_text_stops_nothing(body: bytes) -> None:
    write = sent("POST", "/v1/workorders", body)

    goes_out, mark = marked(write)

    assert json.loads(goes_out) == {"title": "\ud83d", "externalData": mark}


def test_a_body_that_is_sealed_by_another_key_is_nothing_to_send() -> None:
    assert marked(sent("DELETE", "/v1/workorders/12")) == (b"", None)


def test_webhooks_are_declined_in_the_query() -> None:
    assert without_webhook("/v1/assets") == "/v1/assets?skipWebhook=true"
    assert without_webhook("/v1/assets?a=%20b") == "/v1/assets?a=%20b&skipWebhook=true"
    assert without_webhook("/v1/assets?skipWebhook=false") == "/v1/assets?skipWebhook=false"


def test_a_list_shows_no_body_and_a_bounded_answer() -> None:
    write = sent("POST", "/v1/workorders?x=secret-of-the-query", b"secret")
    shown = write.json()
    assert shown["path"] == "/v1/workorders"
    assert shown["answer"] is None
    assert "secret" not in json.dumps(shown)
