"""`rapport segment diff`: the files as they are against those of a git revision, on the store as it is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.console.cli.command import Rapport
from tests.console.repository import Repository, make_repository
from tests.world import NOON, SETTINGS, VOCABULARY, Shop

CAMPAIGN = "kind: nurture\ntopic: offers\nstatus: {status}\nenter: {enter}\n{more}\nsteps: [{{send: hello}}]\n"
ORDERED = "Customers for whom there is at least one order."


def campaign(enter: str = "{event: order}", more: str = "", status: str = "live") -> str:
    return CAMPAIGN.format(enter=enter, more=more, status=status)


@pytest.fixture
def repository(small_shop: Shop) -> Repository:
    """Alice ordered an hour ago, Bob never, Cleo 40 days ago; committed are three segments."""
    small_shop.customer("cleo", country="DE")
    small_shop.event("cleo", "order", timedelta(days=40))
    small_shop.segment("regulars", "segment: buyers")
    small_shop.segment("germans", "attribute: country\nis: DE")
    return make_repository(small_shop.root)


def diff(rapport: Rapport, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = rapport("segment", "diff", *words, "--json").json
    return found


def one(rapport: Rapport, name: str, *words: str) -> dict[str, Any]:
    """The only segment of a comparison."""
    (found,) = diff(rapport, name, *words)["segments"]
    assert found["segment"] == name
    return dict(found)


def moved(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["change"], found["before"], found["after"], found["entering"], found["leaving"]


def test_who_enters_and_who_leaves(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "not: {event: order, in_last: 30 days}")
    found = diff(rapport, "buyers")
    (segment,) = found.pop("segments")
    assert found == {
        "against": "HEAD",
        "commit": repository("rev-parse", "HEAD"),
        "now": "2026-06-15T12:00:00+00:00",
        "zone": "Europe/Berlin",
        "unchanged": 0,
    }
    assert {name: segment[name] for name in list(segment)[:8]} == {
        "segment": "buyers", "change": "changed", "before": 2, "after": 2, "enter": 1, "leave": 1,
        "entering": ["bob"], "leaving": ["alice"],
    }  # fmt: skip
    assert segment["said"].startswith("Customers for whom")
    assert "it is not so that" in segment["says"]
    assert (segment["because_of"], segment["campaigns"]) == ([], [])


def test_nothing_but_the_table_is_needed_to_read_it(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "not: {event: order, in_last: 30 days}")
    small_shop.campaign("hail", campaign(more="audience: {segment: buyers}"))
    ran = rapport("segment", "diff", "buyers")
    commit = repository("rev-parse", "HEAD")[:8]
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines() if line.strip(" ─")]
    said, says = lines.pop(4), lines.pop(4)
    assert said.startswith("was: Customers for whom")
    assert says.startswith("is: Customers for whom it is not so that")
    assert lines == [
        f"HEAD ({commit}) and the working tree, on the store as of 2026-06-15 12:00:00Z (days of Europe/Berlin)",
        "segment change before after enter leave campaigns",
        "buyers changed 2 2 1 1 hail (live): audience (from now on)",
        "buyers",
        "enter: bob",
        "leave: alice",
    ]


def test_markdown_is_fit_for_a_pull_request(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("germans", "attribute: country\nis: FR")
    small_shop.campaign("welcome", campaign(more="audience: {segment: germans}\nexit_when: {segment: germans}"))
    ran = rapport("segment", "diff", "--all", "--markdown")
    assert (
        ran.out
        == f"""\
### Segments: `HEAD` ({repository("rev-parse", "HEAD")[:8]}) and this change

On the store as of 2026-06-15 12:00:00Z (days of Europe/Berlin).

| segment | change | before | after | enter | leave | campaigns |
|---|---|--:|--:|--:|--:|---|
| `germans` | changed | 1 | 0 | 0 | 1 | welcome (live): audience (from now on)<br>welcome (live): exit_when (from now on) |

**`germans`**

```diff
- Customers for whom the country is 'DE'.
+ Customers for whom the country is 'FR'.
```

- leave: `cleo`

2 segments unchanged.
"""
    )


def test_the_revision_can_be_named(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "attribute: country\nis: DE")
    repository.commit()
    small_shop.segment("buyers", "not: {event: order}")
    assert moved(one(rapport, "buyers")) == ("changed", 1, 1, ["bob"], ["cleo"])
    assert moved(one(rapport, "buyers", "--against", "HEAD~1")) == ("changed", 2, 1, ["bob"], ["alice", "cleo"])
    assert diff(rapport, "buyers", "--against", "main")["against"] == "main"


def test_with_all_the_changed_are_listed_and_the_others_counted(
    rapport: Rapport, small_shop: Shop, repository: Repository
) -> None:
    small_shop.segment("buyers", "event: order\nin_last: 30 days")
    small_shop.write({"segments/germans.yaml": "title: Deutsche\nwho: {attribute: country, is: DE}\n"})
    found = diff(rapport, "--all")
    assert [(one["segment"], *moved(one)) for one in found["segments"]] == [
        ("buyers", "changed", 2, 1, [], ["cleo"]),
        ("regulars", "changed", 2, 1, [], ["cleo"]),
    ]
    assert found["unchanged"] == 1
    assert rapport("segment", "diff", "--all").out.endswith("\n1 segment unchanged.\n")


def test_with_all_and_no_change_there_is_nothing_to_list(rapport: Rapport, repository: Repository) -> None:
    assert diff(rapport, "--all")["segments"] == []
    assert rapport("segment", "diff", "--all").out.splitlines()[-1] == "3 segments unchanged."
    assert "|" not in rapport("segment", "diff", "--all", "--markdown").out


def test_a_segment_that_has_not_changed_is_said_when_it_is_named(rapport: Rapport, repository: Repository) -> None:
    found = one(rapport, "buyers")
    assert (moved(found), found["said"]) == (("unchanged", 2, 2, [], []), found["says"])
    assert "buyers" in rapport("segment", "diff", "buyers").out
    assert "was:" not in rapport("segment", "diff", "buyers").out
    assert "says the same" not in rapport("segment", "diff", "buyers").out


def test_a_change_that_moves_nobody_is_a_change(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "event: order\ncount: {at_least: 1}")
    assert moved(one(rapport, "buyers")) == ("changed", 2, 2, [], [])
    assert [found["segment"] for found in diff(rapport, "--all")["segments"]] == ["buyers", "regulars"]


def test_the_sample_is_as_large_as_it_is_said_to_be(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    for number in range(12):
        small_shop.customer(f"x{number:02}")
    small_shop.segment("buyers", "not: {event: order}")
    assert one(rapport, "buyers")["entering"] == ["bob", *(f"x{number:02}" for number in range(9))]
    found = one(rapport, "buyers", "--sample", "1")
    assert (found["enter"], found["entering"], found["leaving"]) == (13, ["bob"], ["alice"])
    assert (
        "  enter: bob and 12 more\n  leave: alice and 1 more\n" in rapport("segment", "diff", "buyers", "--sample", "1").out
    )
    assert "- enter: `bob` and 12 more\n" in rapport("segment", "diff", "buyers", "--sample", "1", "--markdown").out
    none = one(rapport, "buyers", "--sample", "0")
    assert (none["enter"], none["entering"], none["leaving"]) == (13, [], [])
    assert "enter:" not in rapport("segment", "diff", "buyers", "--sample", "0").out


def test_a_new_file_and_a_deleted_one_are_said_so(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("new-ones", "attribute: country\nis: DE")
    (small_shop.root / "segments/regulars.yaml").unlink()
    found = diff(rapport, "--all")
    assert [(one["segment"], *moved(one)) for one in found["segments"]] == [
        ("new-ones", "new", 0, 1, ["cleo"], []),
        ("regulars", "deleted", 2, 0, [], ["alice", "cleo"]),
    ]
    new, deleted = found["segments"]
    assert (new["said"], deleted["says"]) == (None, None)
    assert moved(one(rapport, "new-ones")) == moved(new)
    assert moved(one(rapport, "regulars")) == moved(deleted)
    assert "```diff\n- Customers" in rapport("segment", "diff", "regulars", "--markdown").out
    assert "```diff\n+ Customers" in rapport("segment", "diff", "new-ones", "--markdown").out


def test_a_segment_below_that_changed_counts_and_is_named(
    rapport: Rapport, small_shop: Shop, repository: Repository
) -> None:
    small_shop.segment("buyers", "event: order\nin_last: 30 days")
    found = one(rapport, "regulars")
    assert moved(found) == ("changed", 2, 1, [], ["cleo"])
    assert (found["said"] == found["says"], found["because_of"]) == (True, ["buyers"])
    assert "  says the same; what has changed: buyers\n" in rapport("segment", "diff", "regulars").out


def test_the_vocabulary_counts(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("rich", "attribute: points\nis: 5")
    small_shop.customer("dan", attributes={"points": 5})
    repository.commit()
    small_shop.write({"config/vocabulary.yaml": VOCABULARY.replace("points: {type: number}", "points: {type: text}")})
    assert moved(one(rapport, "rich"))[1:] == (1, 0, [], ["dan"])


def test_the_settings_count(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("today", "event: order\nduring: today")
    repository.commit()
    small_shop.write({"config/rapport.yaml": SETTINGS.replace("Europe/Berlin", "Asia/Tokyo")})
    small_shop.event("bob", "order", timedelta(hours=16))  # yesterday in Berlin, today in Tokyo
    assert moved(one(rapport, "today")) == ("changed", 1, 2, ["bob"], [])
    assert "what has changed: the vocabulary, places or settings" in rapport("segment", "diff", "today").out


def test_places_count(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    place = "places: {{shop: {{kind: store, latitude: {}, longitude: 13.4}}}}\n"
    small_shop.write({"config/places.yaml": place.format("52.5")})
    small_shop.segment("neighbours", "near: {place: shop}\nwithin: 20 km")
    small_shop.customer("dan", latitude=52.5, longitude=13.5)
    repository.commit()
    small_shop.write({"config/places.yaml": place.format("48.1")})
    assert moved(one(rapport, "neighbours")) == ("changed", 1, 0, [], ["dan"])


def test_it_is_compared_as_of_now(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "event: order\nin_last: 30 days")
    assert moved(one(rapport, "buyers")) == ("changed", 2, 1, [], ["cleo"])
    then = (NOON - timedelta(days=20)).isoformat()
    earlier = Rapport(rapport.monkeypatch, rapport.capsys, (*rapport.always[:-1], then))
    assert moved(one(earlier, "buyers")) == ("changed", 1, 1, [], [])


# Which campaigns use it

USES = {
    "by-joining": campaign("{segment: buyers}"),
    "to-some": campaign(more="audience: {not: {segment: buyers}}", status="draft"),
    "until": campaign(more="exit_when: {any: [{segment: buyers}, {segment: germans}]}"),
    "by-way-of": campaign("{segment: regulars}", more="audience: {segment: regulars}"),
    "not-at-all": campaign(more="audience: {segment: germans}"),
}


def uses(found: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(use[name] for name in ("campaign", "status", "place", "through", "in")) for use in found["campaigns"]]


def test_campaigns_that_use_it_are_named_with_the_place(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    for name, text in USES.items():
        small_shop.campaign(name, text)
    repository.commit()
    assert uses(one(rapport, "buyers")) == [
        ("by-joining", "live", "trigger", "", "both"),
        ("by-way-of", "live", "audience", "regulars", "both"),
        ("by-way-of", "live", "trigger", "regulars", "both"),
        ("to-some", "draft", "audience", "", "both"),
        ("until", "live", "exit_when", "", "both"),
    ]
    assert [use[:3] for use in uses(one(rapport, "regulars"))] == [
        ("by-way-of", "live", "audience"), ("by-way-of", "live", "trigger")
    ]  # fmt: skip
    said = rapport("segment", "diff", "buyers").out
    assert "to-some (draft): audience" in said
    assert "by-way-of (live): trigger through regulars" in " ".join(said.split())


def test_campaigns_of_both_revisions_are_named(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.campaign("old", campaign("{segment: buyers}"))
    small_shop.campaign("both", campaign("{segment: buyers}"))
    repository.commit()
    (small_shop.root / "config/campaigns/old.yaml").unlink()
    small_shop.campaign("new", campaign("{segment: buyers}"))
    found = one(rapport, "buyers")
    assert [(use[0], use[4]) for use in uses(found)] == [("both", "both"), ("new", "after"), ("old", "before")]
    said = " ".join(rapport("segment", "diff", "buyers").out.split())
    assert "both (live): trigger; new (live): trigger (from now on); old (live): trigger (no longer)" in said


# Wrong input


def test_a_fault_in_a_file_of_then_is_said_with_its_revision(
    rapport: Rapport, small_shop: Shop, repository: Repository
) -> None:
    small_shop.segment("buyers", "event: ordr")
    repository.commit()
    small_shop.segment("buyers", "event: order")
    ran = rapport("segment", "diff", "buyers")
    assert ran.code == 1
    assert ran.error.startswith("error: HEAD:segments/buyers.yaml:2: event 'ordr' is not known in config/vocabulary.yaml")
    assert rapport("segment", "diff", "buyers", "--against", "HEAD~1").code == 0


def test_a_fault_in_a_file_of_now_is_said_as_everywhere(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "event: ordr")
    ran = rapport("segment", "diff", "germans")
    assert ran.code == 1
    assert ran.error.startswith("error: segments/buyers.yaml:2: event 'ordr' is not known")


def test_a_list_that_is_not_in_the_store_is_said(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("buyers", "list: fair")
    ran = rapport("segment", "diff", "buyers")
    assert (ran.code, ran.error[:41]) == (1, "error: list 'fair' is not in the store; i")


CALLED_WRONGLY = {
    "": "`segment diff` takes a segment's name, or --all for every segment; say one of them",
    "buyers --all": "`segment diff` takes a segment's name, or --all for every segment; say one of them",
    "buyers --json --markdown": "--json and --markdown are two forms of the same; say one of them",
    "buyer": "segment 'buyer' is not in segments/, now or at HEAD; did you mean 'buyers'?",
    "buyer --against main": "segment 'buyer' is not in segments/, now or at main; did you mean 'buyers'?",
    "buyers --against mian": "revision 'mian' is not known in the git repository of",
    "buyers --against --all": "revision '--all' is not known in the git repository of",
    "buyers --sample -1": "Invalid value for '--sample': Input should be greater than or equal to 0",
    "buyers --sample few": "Invalid value for '--sample': Input should be a valid integer",
    "buyers germans": "Got unexpected extra argument(s) (germans)",
}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", CALLED_WRONGLY)
def test_called_wrongly_it_says_so_in_one_line(rapport: Rapport, repository: Repository, words: str) -> None:
    ran = rapport("segment", "diff", *words.split())
    assert ran.code == 2
    assert ran.error.startswith(f"error: {CALLED_WRONGLY[words]}")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_without_a_repository_it_says_so_in_one_line(rapport: Rapport, small_shop: Shop) -> None:
    ran = rapport("segment", "diff", "buyers")
    assert (ran.code, ran.error) == (
        2, f"error: workspace {small_shop.root} is not in a git repository; there is no revision to compare with"
    )  # fmt: skip


# What files and keys hold


@pytest.mark.parametrize("key", ["a|b", "a`b``c", "@mia", "<b>x</b>", "a\nb", "*x*"])
def test_no_key_becomes_markup_or_a_mention(rapport: Rapport, small_shop: Shop, repository: Repository, key: str) -> None:
    small_shop.customer(key, email=...)
    small_shop.segment("buyers", f"attribute: key\nis: {json.dumps(key)}")
    lines = rapport("segment", "diff", "buyers", "--markdown").out.splitlines()
    (entering,) = [line for line in lines if line.startswith("- enter: ")]
    code = "``` a`b``c ```" if "``" in key else f"`{' '.join(key.split())}`"
    assert entering == f"- enter: {code}"


def test_no_sentence_ends_its_block(rapport: Rapport, small_shop: Shop, repository: Repository) -> None:
    small_shop.segment("germans", 'attribute: city\nis: "x\\n```\\n@mia"')
    lines = rapport("segment", "diff", "germans", "--markdown").out.splitlines()
    assert lines.count("```") == 1
    assert "+ Customers for whom the city is 'x ``` @mia'." in lines


@pytest.mark.parametrize("form", ["--json", "--markdown", "--sample=9"])
def test_nothing_but_keys_is_said_of_customers(
    rapport: Rapport, small_shop: Shop, repository: Repository, form: str
) -> None:
    small_shop.segment("buyers", "not: {event: order}")
    said = rapport("segment", "diff", "buyers", form).out
    assert "bob" in said
    assert "@example.com" not in said
    assert "Bob" not in said
