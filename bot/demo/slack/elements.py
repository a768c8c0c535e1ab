"""Block Kit's elements and rich text, as tables: which keys each takes and how long each may be."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bot.demo.slack.schema import (
    Check,
    Fault,
    Field,
    Json,
    anything,
    array,
    boolean,
    integer,
    may,
    must,
    one_of,
    record,
    string,
    text,
    typed,
)

ID = string(255)
URL = string(3000)

CONFIRM = record(
    {
        "title": must(text(100, plain=True)),
        "text": must(text(300, plain=True)),
        "confirm": must(text(30, plain=True)),
        "deny": must(text(30, plain=True)),
        "style": may(one_of("primary", "danger")),
    }
)


def option(*, plain: bool, url: bool = False) -> Check:
    """One line of a menu or a list of choices."""
    fields = {
        "text": must(text(75, plain=plain)),
        "value": must(string(75)),
        "description": may(text(75, plain=plain)),
    }
    return record({**fields, "url": may(URL)} if url else fields)


OPTION = option(plain=True)
OPTION_GROUP = record({"label": must(text(75, plain=True)), "options": must(array(OPTION, most=100))})


def _element(kind: str, **fields: Field) -> Check:
    return record({"type": must(one_of(kind)), "action_id": may(ID), **fields})


def _menu(kind: str, **fields: Field) -> Check:
    several = {"max_selected_items": may(integer(1, 100))} if kind.startswith("multi_") else {}
    common = {
        "placeholder": may(text(150, plain=True)),
        "confirm": may(CONFIRM),
        "focus_on_load": may(boolean),
    }
    return _element(kind, **common, **several, **fields)


def _one_source(check: Check) -> Check:
    """A static menu has options or option groups, not both."""

    def checked(value: Json, at: str) -> Iterator[Fault]:
        yield from check(value, at)
        if isinstance(value, dict) and ("options" in value) == ("option_groups" in value):
            yield Fault("invalid_value", "must define either `options` or `option_groups`", at, "options")

    return checked


def _static(kind: str, initial: str) -> Check:
    check = OPTION if initial == "initial_option" else array(OPTION, most=100)
    return _one_source(
        _menu(
            kind,
            options=may(array(OPTION, most=100)),
            option_groups=may(array(OPTION_GROUP, most=100)),
            **{initial: may(check)},
        )
    )


def _input(kind: str, **fields: Field) -> Check:
    return _element(
        kind,
        placeholder=may(text(150, plain=True)),
        dispatch_action_config=may(anything),
        focus_on_load=may(boolean),
        **fields,
    )


def _picked(kind: str, initial: Check) -> Check:
    return _element(
        kind,
        placeholder=may(text(150, plain=True)),
        confirm=may(CONFIRM),
        focus_on_load=may(boolean),
        timezone=may(string(64)),
        **{f"initial_{kind.removesuffix('picker')}": may(initial)}
        if kind != "datetimepicker"
        else {"initial_date_time": may(initial)},
    )


def _choices(kind: str, initial: str) -> Check:
    check = option(plain=False) if initial == "initial_option" else array(option(plain=False), most=10)
    return _element(
        kind,
        options=must(array(option(plain=False), most=10)),
        confirm=may(CONFIRM),
        focus_on_load=may(boolean),
        **{initial: may(check)},
    )


IMAGE = {
    "type": must(one_of("image")),
    "image_url": may(URL),
    "slack_file": may(anything),
    "alt_text": must(string(2000)),
}

BUTTON = _element(
    "button",
    text=must(text(75, plain=True)),
    url=may(URL),
    value=may(string(2000)),
    style=may(one_of("primary", "danger")),
    confirm=may(CONFIRM),
    accessibility_label=may(string(75)),
)

_IDS = array(string(255), most=100)
_CONVERSATIONS = {
    "default_to_current_conversation": may(boolean),
    "filter": may(anything),
}

ELEMENTS: Mapping[str, Check] = MappingProxyType(
    {
        "button": BUTTON,
        "image": record(IMAGE),
        "static_select": _static("static_select", "initial_option"),
        "multi_static_select": _static("multi_static_select", "initial_options"),
        "external_select": _menu(
            "external_select", min_query_length=may(integer(0, 3000)), initial_option=may(OPTION)
        ),
        "multi_external_select": _menu(
            "multi_external_select",
            min_query_length=may(integer(0, 3000)),
            initial_options=may(array(OPTION, most=100)),
        ),
        "users_select": _menu("users_select", initial_user=may(ID)),
        "multi_users_select": _menu("multi_users_select", initial_users=may(_IDS)),
        "channels_select": _menu(
            "channels_select", initial_channel=may(ID), response_url_enabled=may(boolean)
        ),
        "multi_channels_select": _menu("multi_channels_select", initial_channels=may(_IDS)),
        "conversations_select": _menu(
            "conversations_select",
            initial_conversation=may(ID),
            response_url_enabled=may(boolean),
            **_CONVERSATIONS,
        ),
        "multi_conversations_select": _menu(
            "multi_conversations_select", initial_conversations=may(_IDS), **_CONVERSATIONS
        ),
        "overflow": _element(
            "overflow", options=must(array(option(plain=True, url=True), most=5)), confirm=may(CONFIRM)
        ),
        "checkboxes": _choices("checkboxes", "initial_options"),
        "radio_buttons": _choices("radio_buttons", "initial_option"),
        "datepicker": _picked("datepicker", string(10, shortest=10)),
        "timepicker": _picked("timepicker", string(5, shortest=5)),
        "datetimepicker": _picked("datetimepicker", integer(1_000_000_000, 9_999_999_999)),
        "plain_text_input": _input(
            "plain_text_input",
            initial_value=may(string(3000, shortest=0)),
            multiline=may(boolean),
            min_length=may(integer(0, 3000)),
            max_length=may(integer(1, 3000)),
        ),
        "email_text_input": _input("email_text_input", initial_value=may(string(3000))),
        "url_text_input": _input("url_text_input", initial_value=may(string(3000))),
        "number_input": _input(
            "number_input",
            is_decimal_allowed=must(boolean),
            initial_value=may(string(64)),
            min_value=may(string(64)),
            max_value=may(string(64)),
        ),
        "rich_text_input": _input("rich_text_input", initial_value=may(anything)),
        "file_input": _element(
            "file_input", filetypes=may(_IDS), max_files=may(integer(1, 10)), focus_on_load=may(boolean)
        ),
    }
)

INPUTS = tuple(kind for kind in ELEMENTS if kind not in {"button", "image", "overflow"})
ACCESSORIES = tuple(
    kind for kind in ELEMENTS if not kind.endswith("_input") and kind not in {"file_input", "number_input"}
)
ACTIONS = tuple(kind for kind in ACCESSORIES if kind != "image")

_STYLE = may(
    record({name: may(boolean) for name in ("bold", "italic", "strike", "code", "underline", "highlight")})
)


def _inline(kind: str, **fields: Field) -> Check:
    return record({"type": must(one_of(kind)), "style": _STYLE, **fields})


INLINE: Mapping[str, Check] = MappingProxyType(
    {
        "text": _inline("text", text=must(string(13_200))),
        "link": _inline("link", url=must(URL), text=may(string(3000)), unsafe=may(boolean)),
        "user": _inline("user", user_id=must(ID)),
        "usergroup": _inline("usergroup", usergroup_id=must(ID)),
        "channel": _inline("channel", channel_id=must(ID)),
        "emoji": _inline("emoji", name=must(ID), unicode=may(ID), skin_tone=may(anything)),
        "broadcast": _inline("broadcast", range=must(one_of("here", "channel", "everyone"))),
        "color": _inline("color", value=must(ID)),
        "date": _inline(
            "date", timestamp=must(integer(0, 9_999_999_999)), format=must(ID), url=may(URL), fallback=may(ID)
        ),
    }
)

_RUN = array(typed(INLINE), most=1000, least=0)
_SECTION = record({"type": must(one_of("rich_text_section")), "elements": must(_RUN)})
_LITERAL = array(typed(INLINE, only=("text", "link")), most=1000)

RICH: Mapping[str, Check] = MappingProxyType(
    {
        "rich_text_section": _SECTION,
        "rich_text_preformatted": record(
            {
                "type": must(one_of("rich_text_preformatted")),
                "elements": must(_LITERAL),
                "border": may(integer(0, 1)),
                "language": may(ID),
            }
        ),
        "rich_text_quote": record(
            {"type": must(one_of("rich_text_quote")), "elements": must(_RUN), "border": may(integer(0, 1))}
        ),
        "rich_text_list": record(
            {
                "type": must(one_of("rich_text_list")),
                "style": must(one_of("bullet", "ordered")),
                "elements": must(array(typed({"rich_text_section": _SECTION}), most=1000)),
                "indent": may(integer(0, 8)),
                "offset": may(integer(0, 10_000)),
                "border": may(integer(0, 1)),
            }
        ),
    }
)
