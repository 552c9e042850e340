"""28 February, 29 February and 1 March: on which day a birthday is kept, in common years and in leap years."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.journeys.files import journey
from tests.world import Shop

BORN = ("--02-28", "2000-02-29", "--03-01")
YEARS = (2027, 2028, 2100)  # 2100 is no leap year
# (policy, moment): for each of BORN, the days of the mails in these years; `-` is none.
KEPT = {
    ("feb-28", "birthday"): ("02-28 02-28 02-28", "02-28 02-29 02-28", "03-01 03-01 03-01"),
    ("mar-1", "birthday"): ("02-28 02-28 02-28", "03-01 02-29 03-01", "03-01 03-01 03-01"),
    ("leap-years-only", "birthday"): ("02-28 02-28 02-28", "- 02-29 -", "03-01 03-01 03-01"),
    ("feb-28", "1 day before birthday"): ("02-27 02-27 02-27", "02-27 02-28 02-27", "02-28 02-29 02-28"),
    ("mar-1", "1 day before birthday"): ("02-27 02-27 02-27", "02-28 02-28 02-28", "02-28 02-29 02-28"),
    ("leap-years-only", "1 day before birthday"): ("02-27 02-27 02-27", "- 02-28 -", "02-28 02-29 02-28"),
    ("feb-28", "1 day after birthday"): ("03-01 02-29 03-01", "03-01 03-01 03-01", "03-02 03-02 03-02"),
    ("mar-1", "1 day after birthday"): ("03-01 02-29 03-01", "03-02 03-01 03-02", "03-02 03-02 03-02"),
    ("leap-years-only", "1 day after birthday"): ("03-01 02-29 03-01", "- 03-01 -", "03-02 03-02 03-02"),
    ("feb-28", "1 month after birthday"): ("03-28 03-28 03-28", "03-28 03-29 03-28", "04-01 04-01 04-01"),
    ("mar-1", "1 month before birthday"): ("01-28 01-28 01-28", "02-01 01-29 02-01", "02-01 02-01 02-01"),
}


def test_each_policy_in_common_years_and_leap_years(shop: Shop) -> None:
    for number, (policy, moment) in enumerate(KEPT):
        enter = f"{{date: {moment}, leap_day: {policy}}}"
        shop.campaign(f"c{number:02}", journey(kind="occasion", enter=enter, late="{within: 100 days}"))
    for number, born in enumerate(BORN):
        shop.customer(f"b{number}", birthday=born, time_zone="UTC")
    shop.publish(datetime(2026, 12, 1, tzinfo=UTC))
    for year in YEARS:
        shop.plan(datetime(year, 4, 5, tzinfo=UTC))
    found = {(row[0], row[1], row[6].year): f"{row[6]:%m-%d}" for row in shop.enrolments()}
    for number, (said, kept) in enumerate(KEPT.items()):
        days = [" ".join(found.get((f"c{number:02}", f"b{n}", year), "-") for year in YEARS) for n in range(len(BORN))]
        assert tuple(days) == kept, said
