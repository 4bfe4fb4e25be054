"""Channels as the settings name them: options, files, and faults that show nothing of a URL."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from quant_platform.alerts.channels import Channel, QuietHours, channel_called, channels_of
from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX, Settings

MAIL = "mailtos://desk:hunter2@mail.example.org"
CHAT = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
SECRETS = ("hunter2", "T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ", "mail.example.org")


def read(text: str, folder: Path, **others: str) -> tuple[Channel, ...]:
    values = {PREFIX + "ALERT_URLS": text}
    values |= {f"{PREFIX}ALERT_{name.upper()}": value for name, value in others.items()}
    return channels_of(Settings.load(values, folder))


def test_no_channel(tmp_path: Path) -> None:
    assert read("", tmp_path) == ()


def test_options_stand_before_their_url(tmp_path: Path) -> None:
    text = f"name=desk severity=critical quiet=22:00-07:00 {MAIL}\n# a remark\n  name=chat {CHAT}\n"
    desk, chat = read(text, tmp_path)
    assert (desk.name, desk.service, desk.severity) == ("desk", "mailtos", "critical")
    assert desk.quiet == QuietHours.read("22:00-07:00@UTC")
    assert desk.url.reveal() == MAIL
    assert (chat.name, chat.service, chat.severity, chat.quiet) == (
        "chat",
        "slack",
        "warning",
        None,
    )


def test_the_settings_hold_for_channels_without_options(tmp_path: Path) -> None:
    text = f"name=a {MAIL} name=b severity=critical quiet=never {CHAT}"
    first, second = read(text, tmp_path, severity="INFO", quiet="01:00-02:00@Asia/Tokyo")
    assert (first.severity, first.quiet) == ("info", QuietHours.read("01:00-02:00@Asia/Tokyo"))
    assert (second.severity, second.quiet) == ("critical", None)


def test_a_name_of_its_own_says_no_more_than_the_service(tmp_path: Path) -> None:
    (first,), (again,) = read(CHAT, tmp_path), read(CHAT, tmp_path)
    (other,) = read(CHAT + "x", tmp_path)
    assert first.name == again.name != other.name
    assert first.name.startswith("slack-")
    assert len(first.name) == len("slack-") + 8


def test_a_file_of_urls(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "alert urls").write_text(f"# channels\nname=desk {MAIL}\n\n{CHAT}\n")
    desk, chat = read("secrets/alert urls", tmp_path)
    assert desk.name == "desk"
    assert chat.url.reveal() == CHAT


def test_lines_of_the_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f'QUANT_PLATFORM_ALERT_URLS="\nname=desk {MAIL}\nname=chat {CHAT}\n"\n'
    )
    assert [each.name for each in channels_of(Settings.load({}, tmp_path))] == ["desk", "chat"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{MAIL} hunter2", "Channel 2 of QUANT_PLATFORM_ALERT_URLS holds a word"),
        (f"name=a {MAIL} name=a {CHAT}", "is called a like another one"),
        (f"severity=hunter2 {MAIL}", "Channel 1 of QUANT_PLATFORM_ALERT_URLS has a severity"),
        (f"quiet=22-07 {MAIL}", "has quiet hours that are none"),
        (f"quiet=22:00-22:00 {MAIL}", "has quiet hours that are none"),
        (f"quiet=22:00-25:00 {MAIL}", "has quiet hours that are none"),
        (f"quiet=22:00-07:00@Mars/Base {MAIL}", "has quiet hours that are none"),
        (f"name=hunter2/ {MAIL}", "has a name that is none"),
        (f"{MAIL} name=hunter2", "Channel 2 of QUANT_PLATFORM_ALERT_URLS has no URL"),
        ("hunter2", "neither a URL (SERVICE://…) nor a file"),
        ("hunter2\nmail.example.org", "neither a URL (SERVICE://…) nor a file"),
        ("x" * 5000, "neither a URL (SERVICE://…) nor a file"),
        ("# mailtos://nobody", "Channel 1 of QUANT_PLATFORM_ALERT_URLS has no URL"),
    ],
)
def test_a_fault_shows_nothing_of_a_url(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(text, tmp_path)
    assert fault in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", ["22-07", "22:00", "22:00-07:00@two words"])
def test_quiet_hours_of_the_settings(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QUANT_PLATFORM_ALERT_QUIET is"):
        read(MAIL, tmp_path, quiet=value)


def test_settings_and_channels_show_no_secret(tmp_path: Path) -> None:
    settings = Settings.load({PREFIX + "ALERT_URLS": f"{MAIL} {CHAT}"}, tmp_path)
    shown = f"{settings!r} {settings.model_dump()} {channels_of(settings)!r}"
    assert not any(secret in shown for secret in SECRETS)


def test_a_channel_by_its_name(tmp_path: Path) -> None:
    settings = Settings.load({PREFIX + "ALERT_URLS": f"name=a {MAIL} name=b {CHAT}"}, tmp_path)
    assert channel_called(settings, "b").service == "slack"
    with pytest.raises(SettingsError, match=r"no channel 'c'\. There are: a, b"):
        channel_called(settings, "c")


@pytest.mark.parametrize(
    ("hours", "moment", "inside"),
    [
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("22:00-07:00", "21:59", False),
        ("12:00-13:00", "12:30", True),
        ("12:00-13:00", "13:00", False),
        # Berlin is an hour ahead of UTC in January.
        ("12:00-13:00@Europe/Berlin", "11:30", True),
        ("12:00-13:00@Europe/Berlin", "12:30", False),
    ],
)
def test_quiet_hours(hours: str, moment: str, inside: bool) -> None:
    quiet = QuietHours.read(hours)
    assert quiet is not None
    assert (
        quiet.contain(datetime.fromisoformat(f"2030-01-15 {moment}").replace(tzinfo=UTC)) == inside
    )
