"""Quiet hours: nobody is written to outside of them, by the clock where she lives; what was due waits for the next hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.insight.reasons import why
from crm_store.restraint.hours import EVERYWHERE, Hours
from tests.content.checking import CAMPAIGN, SETTINGS_FILE, faults_of, loaded
from tests.content.checking import said_of as company_said_of
from tests.journeys.files import journey, said_of
from tests.ledger.rows import by_customer
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ZONES = (
    "Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin", "America/New_York", "America/St_Johns", "Atlantic/Azores",
    "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca",
)  # fmt: skip
SERVICE = {"purpose": "service", "basis": "the order", "topic": None}


def hours(begin: str = "00:00", end: str = "24:00", days: tuple[int, ...] = tuple(range(7))) -> Hours:
    first, last = (int(at[:2]) * 60 + int(at[3:]) for at in (begin, end))
    return Hours(first, last, days)


@pytest.mark.parametrize(
    ("said", "zone", "now", "opens"),
    [
        (hours("09:00", "20:00"), "Europe/Berlin", "2026-06-15T12:00", "2026-06-15T12:00"),
        (hours("09:00", "20:00"), "Europe/Berlin", "2026-06-15T18:00", "2026-06-16T07:00"),
        (hours("09:00", "20:00"), "Pacific/Pago_Pago", "2026-06-15T12:00", "2026-06-15T20:00"),
        (hours("09:00", "20:00"), "Pacific/Kiritimati", "2026-06-15T12:00", "2026-06-15T19:00"),
        (hours(days=(5,)), "Pacific/Kiritimati", "2026-06-15T12:00", "2026-06-19T10:00"),
        # 29 March: at 02:00 it is 03:00. 25 October: at 03:00 it is 02:00 again.
        (hours("02:00", "03:00"), "Europe/Berlin", "2026-03-29T00:30", "2026-03-30T00:00"),
        (hours("02:30", "12:00"), "Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:00"),
        (hours("02:30", "12:00"), "Europe/Berlin", "2026-10-25T00:35", "2026-10-25T01:30"),
        (hours("01:00", "02:30"), "Europe/Berlin", "2026-10-25T01:10", "2026-10-26T00:00"),
        (hours("00:00", "06:00"), "Atlantic/Azores", "2026-10-25T00:30", "2026-10-25T01:00"),
        # Samoa had no 30 December 2011, which would have been a Friday.
        (hours("09:00", "20:00", (4,)), "Pacific/Apia", "2011-12-30T09:00", "2012-01-05T19:00"),
    ],
)
def test_hours_by_the_clock_of_a_zone(said: Hours, zone: str, now: str, opens: str) -> None:
    at, then = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (now, opens))
    assert said.opens(at, ZoneInfo(zone)) == then


@given(
    st.builds(lambda ends, days: Hours(min(ends) * 15, max(ends) * 15, tuple(sorted(days))),
              st.sets(st.integers(0, 96), min_size=2, max_size=2), st.sets(st.integers(0, 6), min_size=1)),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.integers(0, 20 * 365 * 24 * 4).map(lambda quarters: datetime(2010, 1, 1, tzinfo=UTC) + quarters * HOUR / 4),
)  # fmt: skip
def test_it_never_opens_in_quiet_hours_and_never_later_than_it_must(said: Hours, zone: ZoneInfo, now: datetime) -> None:
    def is_open(at: datetime) -> bool:
        local = at.astimezone(zone)
        return local.weekday() in said.days and said.begin <= local.hour * 60 + local.minute < said.end

    def is_even(at: datetime) -> bool:
        """No clock is changed on that day or beside it."""
        return len({(at + n * 12 * HOUR).astimezone(zone).utcoffset() for n in (-2, -1, 0, 1, 2)}) == 1

    opens = said.opens(now, zone)
    if opens is None:  # a time that is lost or comes twice whenever there is such a day at all
        return
    assert opens >= now
    assert is_open(opens)
    missed = (now + n * 15 * timedelta(minutes=1) for n in range(min(800, (opens - now) // timedelta(minutes=15))))
    assert not [at for at in missed if is_open(at) and is_even(at)]


def test_public_holidays_are_those_of_the_country_and_of_the_region() -> None:
    berlin, said = ZoneInfo("Europe/Berlin"), Hours(countries=EVERYWHERE)
    christmas = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)
    assert said.opens(christmas, berlin, "DE") == datetime(2026, 12, 26, 23, tzinfo=UTC)
    assert said.opens(christmas, berlin, "JP") == christmas
    corpus_christi = datetime(2026, 6, 4, 12, tzinfo=UTC)
    assert said.opens(corpus_christi, berlin, "DE") == corpus_christi
    assert said.opens(corpus_christi, berlin, "DE", "BY") == datetime(2026, 6, 4, 22, tzinfo=UTC)


def test_what_never_opens_says_so() -> None:
    closed = Hours(blackout=((date(2026, 1, 1), date(2030, 1, 1)),))
    assert closed.opens(NOON, ZoneInfo("UTC")) is None


def start(shop: Shop, company: str, now: datetime = NOON, /, **keys: str | None) -> None:
    shop.write({SETTINGS_FILE: SETTINGS + company})
    shop.campaign("c", journey(**keys))
    shop.publish(now - DAY)


def sign_up(shop: Shop, key: str, now: datetime = NOON, **fields: str) -> None:
    shop.customer(key, **fields)
    shop.event(key, "signed_up", now - HOUR)


def run(shop: Shop, now: datetime = NOON) -> dict[str, object]:
    shop.plan(now)
    shop.deliver(now)
    return {
        key: (state, reason, due) for key, (state, reason, due) in by_customer(shop, "state", "reason", "due_at").items()
    }


def test_a_mail_waits_for_the_morning_where_she_lives(shop: Shop) -> None:
    start(shop, "hours: 09:00-20:00\n", late="{within: 1 hour}")
    sign_up(shop, "bob")
    sign_up(shop, "alice", time_zone="America/Los_Angeles")
    sign_up(shop, "carol", time_zone="Asia/Tokyo")
    morning, tomorrow = NOON + 4 * HOUR, NOON + 12 * HOUR
    assert run(shop) == {
        "bob": ("sent", None, NOON - HOUR), "alice": ("due", "hours", morning), "carol": ("due", "hours", tomorrow),
    }  # fmt: skip
    with shop.store.read() as conn:
        story = why(conn, "c", "alice", NOON)
    assert story is not None
    assert "put off (hours) until 2026-06-15 16:00:00Z" in [one.says for one in story.checks if not one.passes]
    assert run(shop, morning - timedelta(seconds=1))["alice"] == ("due", "hours", morning)
    assert run(shop, morning)["alice"] == ("sent", None, morning)
    assert run(shop, tomorrow)["carol"] == ("sent", None, tomorrow)


def test_the_campaigns_hours_and_days_hold_beside_the_companys(shop: Shop) -> None:
    start(shop, "hours: 09:00-20:00\ndays: [mon, tue, wed]\n", hours="18:00-22:00", days="[wed, thu]")
    sign_up(shop, "alice")
    assert run(shop)["alice"] == ("due", "hours", NOON + 2 * DAY + 4 * HOUR)


def test_what_would_expire_before_it_opens_ends(shop: Shop) -> None:
    start(shop, "", hours="09:00-13:00", wait_at_most="12 hours")
    sign_up(shop, "alice")
    assert run(shop)["alice"] == ("skipped", "hours", NOON - HOUR)


def test_service_goes_at_any_time_unless_its_campaign_says_hours(shop: Shop) -> None:
    start(shop, "hours: 09:00-10:00\nblackout: [2026-06-15]\n", **SERVICE)
    shop.campaign("d", journey(hours="08:00-09:00", **SERVICE))
    shop.publish(NOON - DAY)
    sign_up(shop, "alice")
    run(shop)
    assert [row[0::3] for row in shop.touches()] == [("c", "sent"), ("d", "due")]


def test_what_was_planned_as_marketing_keeps_the_companys_hours_under_a_file_that_is_of_service_by_now(shop: Shop) -> None:
    start(shop, "hours: 18:00-20:00\n")
    sign_up(shop, "alice")
    shop.plan()
    shop.campaign("c", journey(**SERVICE))
    shop.publish(NOON)
    assert run(shop)["alice"] == ("due", "hours", NOON + 4 * HOUR)


@pytest.mark.parametrize(("text", "opens"), [("hours: 15:00-20:00\n", NOON + HOUR), ("days: [tue]\n", NOON + 10 * HOUR)])
def test_the_company_says_hours_and_days(tmp_path: Path, text: str, opens: datetime) -> None:
    said = loaded(tmp_path, {SETTINGS_FILE: SETTINGS + text}).settings.hours
    assert said.opens(NOON, ZoneInfo("Europe/Berlin")) == opens


@pytest.mark.parametrize(
    ("first", "last", "opens"), [(14, 15, NOON + 10 * HOUR), (15, 16, NOON + 34 * HOUR), (16, 16, NOON), (1, 14, NOON)]
)
def test_a_blackout_lasts_from_its_first_day_to_its_last(tmp_path: Path, first: int, last: int, opens: datetime) -> None:
    text = f"blackout: [{{from: 2026-06-{first:02d}, until: 2026-06-{last:02d}}}]\n"
    said = loaded(tmp_path, {SETTINGS_FILE: SETTINGS + text}).settings.hours
    assert said.opens(NOON, ZoneInfo("Europe/Berlin")) == opens


def test_nothing_leaves_on_a_blackout_day_of_hers(shop: Shop) -> None:
    start(shop, "blackout: [{from: 2026-06-14, until: 2026-06-15}, 2026-06-17]\n")
    sign_up(shop, "alice")
    sign_up(shop, "bob", time_zone="Pacific/Kiritimati")
    found = run(shop)
    assert found == {"alice": ("due", "hours", NOON + 10 * HOUR), "bob": ("sent", None, NOON - HOUR)}


@pytest.mark.parametrize(("holidays", "waits"), [("true", True), ("[DE]", True), ("[FR]", False), ("false", False)])
def test_nothing_leaves_on_a_public_holiday_where_she_lives(shop: Shop, holidays: str, waits: bool) -> None:
    now = datetime(2026, 6, 4, 12, tzinfo=UTC)  # Corpus Christi, in Bavaria
    start(shop, f"holidays: {holidays}\n", now)
    for key, fields in {"alice": {"region": "bayern"}, "bob": {"region": "BE"}, "carol": {}}.items():
        sign_up(shop, key, now, country="DE", **fields)
    sign_up(shop, "dave", now, country="JP", region="BY")
    expected = ("due", "hours", now + 10 * HOUR) if waits else ("sent", None, now - HOUR)
    assert run(shop, now) == {"alice": expected, **dict.fromkeys(("bob", "carol", "dave"), ("sent", None, now - HOUR))}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"hours": "20:00-09:00"}, "'20:00-09:00' ends before it begins: hours over midnight can't be said"),
        ({"hours": "09:00-09:00"}, "'09:00-09:00' must be hours of a day such as 09:00-20:00"),
        ({"hours": "09:00-24:30"}, "'09:00-24:30' must be hours of a day"),
        ({"days": "[monday]"}, "'monday' is not one of mon"),
        ({"blackout": "[2026-06-15]"}, "a campaign has no 'blackout'"),
    ],
)
def test_what_is_written_wrongly_is_said(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    assert said in said_of(tmp_path, **keys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blackout: [{from: 2026-06-15, until: 2026-06-14}]", "'2026-06-14' is before '2026-06-15'"),
        ("blackout: [tomorrow]", "'tomorrow' is not a date"),
        ("holidays: sometimes", "'sometimes' must be true or false"),
        ("holidays: [XX]", "of 'XX' no public holidays are known"),
    ],
)
def test_what_is_written_wrongly_of_the_company_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert said in company_said_of(tmp_path, SETTINGS_FILE, f"{SETTINGS}{text}\n")[0]


@pytest.mark.parametrize("keys", [{"hours": "20:00-22:00"}, {"days": "[sat]"}])
def test_hours_that_never_open_are_a_fault_of_the_campaigns_line(tmp_path: Path, keys: dict[str, str]) -> None:
    company = SETTINGS + "hours: 09:00-20:00\ndays: [mon, fri]\n"
    (fault,) = faults_of(tmp_path, {SETTINGS_FILE: company, CAMPAIGN: journey(**keys)})
    assert fault.startswith(f"{CAMPAIGN}:6: ")
    assert "never opens: config/rapport.yaml has '09:00-20:00 on mon fri'" in fault
