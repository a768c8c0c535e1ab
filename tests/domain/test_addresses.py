"""URLs as they are shown."""

from bot.domain.addresses import front_page, shown, shown_host


def test_user_and_password_of_a_url_are_not_shown() -> None:
    assert shown("http://me:secret@host:1/x?y") == "http://host:1/x?y"
    assert shown_host("http://me:secret@host:1/x?y") == "host:1"
    assert front_page("https://me:secret@status.test/en/index.json") == "https://status.test"


def test_an_odd_url_is_no_fault() -> None:
    assert shown("http://[::1") == shown_host("http://[::1") == "[an unreadable URL]"
    assert shown_host("not a url") == "not a url"
