"""Wrong input of any kind ends in one clear line on standard error and exit code 1 or 2, never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.cli.command import Rapport
from tests.world import Shop

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

CALLED_WRONGLY = {
    "segmnt list": "error: No such command 'segmnt'. Did you mean 'segment'? (see `rapport --help`)",
    "segment lst": "error: No such command 'lst'. Did you mean 'list'? (see `rapport --help`)",
    "frobnicate": "error: No such command 'frobnicate'. (see `rapport --help`)",
    "segment show": "error: Missing argument 'name'. (see `rapport --help`)",
    "segment show buyers more": "error: Got unexpected extra argument(s) (more) (see `rapport --help`)",
    "segment list --jsn": "error: No such option: --jsn (Possible options: --json) (see `rapport --help`)",
    "touches --limit many": "error: Invalid value for '--limit': Input should be a valid integer, unable to parse string",
    "touches --limit 0": "error: Invalid value for '--limit': Input should be greater than or equal to 1",
    "touches --limit -5": "error: Invalid value for '--limit': Input should be greater than or equal to 1",
    "segment members buyers --limit 0": "error: Invalid value for '--limit'",
    "touches --customer": "error: Option '--customer' requires an argument.",
    "segment show buyer": "error: segment 'buyer' is not in segments/; did you mean 'buyers'?",
    "segment count buyer": "error: segment 'buyer' is not in segments/; did you mean 'buyers'?",
    "segment members buyer": "error: segment 'buyer' is not in segments/; did you mean 'buyers'?",
    "segment sql buyer": "error: segment 'buyer' is not in segments/; did you mean 'buyers'?",
    "segment explain buyer": "error: segment 'buyer' is not in segments/; did you mean 'buyers'?",
    "segment show ../config/rapport": "error: segment '../config/rapport' is not in segments/",
    "campaign show welcme": "error: campaign 'welcme' is not in config/campaigns; did you mean 'welcome'?",
    "campaign run welcme --dry-run": "error: campaign 'welcme' is not in config/campaigns; did you mean 'welcome'?",
    "campaign run welcme": "error: campaign 'welcme' is not in config/campaigns; did you mean 'welcome'?",
    "preview welcme --customer alice": "error: campaign 'welcme' is not in config/campaigns; did you mean 'welcome'?",
    "preview welcome gft --customer alice": "error: campaign 'welcome' has no mail 'gft'; did you mean 'gift'?",
    "preview welcome": "error: whose mail? name a customer: --customer KEY",
    **dict.fromkeys(
        (
            "preview welcome --customer nobody",
            "customer show nobody",
            "customer pause nobody",
            "touches --customer nobody",
            "segment explain buyers --customer nobody",
        ),
        "error: customer 'nobody' is not in the store; keys are the company's own, as its files say them",
    ),
    **dict.fromkeys(
        (
            "campaign explain welcme --customer alice",
            "campaign results welcme",
            "campaign enrol welcme --customer alice --request r1",
            "campaign pause welcme",
            "campaign stop welcme",
            "touches --campaign welcme",
            "runs --campaign welcme",
            "settle --campaign welcme",
            "settle --campaign welcme --give-up",
        ),
        "error: campaign 'welcme' is neither published nor in config/campaigns; did you mean 'welcome'?",
    ),
    "campaign pause welcome": "error: campaign 'welcome' is not published yet; `rapport apply` publishes it",
    "touches show 9": "error: touch 9 is not in the store; `rapport touches` lists those that are",
    "report 9": "error: run 9 is not in the store; `rapport runs` lists those that are",
    "touches --state snt": "error: state 'snt' is not known; did you mean 'sent'?",
    "touches --customer nobody --state SENT": "error: state 'SENT' is not known; did you mean 'sent'?",
    "import customers nowhere.csv": "error: file nowhere.csv is not there",
    "import customers .": "error: file . is not there",
    "import events notes.txt": "error: file notes.txt is neither .csv nor .jsonl; rename or convert it",
    "import products beans.csv --map key": "error: --map key is not field=column; write e.g. --map email=mail",
    "import products beans.csv --map =x": "error: --map =x is not field=column; write e.g. --map email=mail",
    "import customers beans.csv --map emial=title": "error: ",
    "init shop": "error: shop is not empty; name a new folder",
    "init notes.txt": "error: notes.txt is not empty; name a new folder",
    "demo shop/config": "error: shop/config is not empty; name a new folder",
}
GLOBAL = {
    ("--now", "tomorrow"): "error: --now 'tomorrow' is not a date and time; write e.g. 2017-12-24T09:00:00Z",
    ("--now", ""): "error: --now '' is not a date and time; write e.g. 2017-12-24T09:00:00Z",
    ("--now", "2017-02-30"): "error: --now '2017-02-30' is not a date and time; write e.g. 2017-12-24T09:00:00Z",
    ("--now", "0001-01-01"): "error: --now '0001-01-01' is out of reach; write a year from 1970 to 2999",
    ("--now", "9999-12-31T23:59:59-12:00"): "error: --now '9999-12-31T23:59:59-12:00' is not a date and time",
    (
        "--workspace",
        "/no/where",
    ): "error: workspace /no/where has no config/rapport.yaml; `rapport init /no/where`",
    ("--workspace", "notes.txt"): "error: workspace notes.txt has no config/rapport.yaml",
    ("--store", "rapport.db"): "error: --store is not an address; write sqlite:///file.db or postgresql://host/database",
    (
        "--store",
        "oracle://ann:s3cret@host/db",
    ): "error: store 'oracle' is not known; use sqlite:///file.db or postgresql://...",
    ("--store", "sqlite:///notes.txt"): "notes.txt is not an SQLite database; name another file",
    ("--store", "sqlite:///no/where.db"): "can't be opened; does its folder exist, and may you write there?",
    ("--store", "postgresql://ann:s3cret@127.0.0.1:1/db"): "can't be reached: connection failed",
    ("--stre", "x"): "error: No such option: --stre (Possible options: --store) (see `rapport --help`)",
}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, small_shop: Shop) -> None:
    for folder in (tmp_path, small_shop.root):
        (folder / "notes.txt").write_text("no database and no table\n" * 100)
        (folder / "beans.csv").write_text("key,title\nbeans,Beans\n")


@pytest.mark.parametrize("words", CALLED_WRONGLY)
def test_a_command_that_is_called_wrongly_says_so_in_one_line(rapport: Rapport, words: str) -> None:
    ran = rapport(*words.split())
    assert ran.code == 2
    assert ran.error.startswith(CALLED_WRONGLY[words])


@pytest.mark.parametrize("option", GLOBAL, ids=" ".join)
def test_a_global_option_that_is_wrong_is_said_in_one_line(rapport: Rapport, option: tuple[str, str]) -> None:
    said = rapport(*option, "segment", "count", "buyers").error
    assert GLOBAL[option] in said
    assert "s3cret" not in said


def test_a_wrong_now_is_refused_even_where_nobody_asks_for_it(nowhere: Rapport) -> None:
    assert nowhere("--now", "soon", "init", "new").code == 2
    assert not Path("new").exists()


CHECKED = ("check", "apply", "apply --dry-run", "campaign list", "campaign run welcome --dry-run", "segment list")


@pytest.mark.parametrize("words", CHECKED)
def test_broken_content_is_said_with_a_line_a_fault(rapport: Rapport, small_shop: Shop, words: str) -> None:
    small_shop.write({"segments/bad.yaml": "who: {evnt: order}\n", "segments/worse.yaml": "who: {event: ordr}\ntitel: x\n"})
    ran = rapport(*words.split())
    assert (ran.code, ran.out) == (1, "")
    assert [line.partition(": ")[0] for line in ran.err.splitlines()] == [
        "segments/bad.yaml:1", "segments/worse.yaml:1", "segments/worse.yaml:2"
    ]  # fmt: skip


@pytest.mark.parametrize("file", ["config/rapport.yaml", "config/vocabulary.yaml"])
@pytest.mark.parametrize(
    "text", ["company: {", "- a list", "a: 1\na: 2", "\t", "!!python/object:os.system x", "compny: {}"]
)
def test_broken_settings_and_vocabularies_are_said_with_their_line(
    rapport: Rapport, small_shop: Shop, file: str, text: str
) -> None:
    small_shop.write({file: text})
    ran = rapport("segment", "list")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err
    *faults, rest = ran.err.splitlines()
    assert faults
    assert all(line.startswith(f"{file}:") for line in faults)
    assert rest == "2 segment and campaign files are checked once this is mended"


@pytest.mark.parametrize("file", ["config/rapport.yaml", "config/vocabulary.yaml"])
def test_beside_faults_of_the_settings_other_files_that_are_no_yaml_are_said(
    rapport: Rapport, small_shop: Shop, file: str
) -> None:
    small_shop.write({file: "compny: {}", "segments/bad.yaml": "who: [", "segments/twice.yaml": "who: a\nwho: b\n"})
    said = rapport("check").err.splitlines()
    assert {line.partition(":")[0] for line in said[:-1]} == {file, "segments/bad.yaml", "segments/twice.yaml"}
    assert said[-1] == "2 segment and campaign files are checked once this is mended"


def test_a_missing_vocabulary_is_said_once_and_not_each_of_its_words(rapport: Rapport, small_shop: Shop) -> None:
    (small_shop.root / "config/vocabulary.yaml").unlink()
    small_shop.write({"segments/bad.yaml": "titel: x\nwho: {reachable: {channel: email, topic: offers}}\n"})
    assert rapport("check").err.splitlines() == [
        "config/vocabulary.yaml:1: is missing; it names your attributes, events and topics",
        "segments/bad.yaml:1: a segment has no 'titel'; did you mean 'title'?",
    ]


def test_an_outbox_that_can_not_be_written_is_said_with_its_line(rapport: Rapport, small_shop: Shop) -> None:
    settings = (small_shop.root / "config/rapport.yaml").read_text()
    small_shop.write({"config/rapport.yaml": f"{settings}outbox: notes.txt\n"})
    outbox = small_shop.root / "notes.txt"
    line = settings.count("\n") + 1
    assert rapport("check").error.startswith(f"error: config/rapport.yaml:{line}: outbox {outbox} can't be written: ")
    assert rapport("apply").code == 0  # another machine may be the one that sends


def test_a_file_that_is_not_text_is_said(rapport: Rapport, small_shop: Shop) -> None:
    (small_shop.root / "segments/bad.yaml").write_bytes(b"title: \xff\xfe")
    assert rapport("check").err.splitlines() == [
        "segments/bad.yaml:1: not UTF-8 text (byte 7); save it as UTF-8",
        "2 segment and campaign files are checked once this is mended",
    ]


def test_one_fault_is_one_line(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.write({"templates/hello/subject.j2": "{% if %}"})
    assert rapport("check").error.startswith("error: templates/hello/subject.j2:1: not Jinja: ")


def test_a_folder_that_can_not_be_made_is_said(nowhere: Rapport, store_url: str) -> None:
    assert nowhere("init", "notes.txt/below").error == "error: notes.txt/below: Not a directory"


def test_a_folder_that_can_not_be_written_to_is_said(rapport: Rapport, small_shop: Shop) -> None:
    (small_shop.root / "rejects").write_text("in the way")
    Path("beans.csv").write_text("key,title\n,nameless\n")
    said = rapport("import", "products", "beans.csv").error
    assert said == f"error: rejects file {small_shop.root}/rejects/beans.rejects.jsonl can't be written: File exists"


def test_a_campaign_that_is_not_there_is_refused_before_anything_runs(rapport: Rapport) -> None:
    said = rapport("run", "--accept", "welcme")
    assert said.code == 2
    assert said.error == ("error: campaign 'welcme' is neither published nor in config/campaigns; did you mean 'welcome'?")


def test_where_nothing_is_near_the_list_of_campaigns_is_named(rapport: Rapport, small_shop: Shop) -> None:
    text = (small_shop.root / "config/campaigns/welcome.yaml").read_text(encoding="utf-8")
    for number in range(12):
        small_shop.campaign(f"one-{number}", text)
    said = rapport("campaign", "pause", "xyz").error
    assert said.endswith("nor in config/campaigns; `rapport campaign list` shows those there are")


SECRETS = ("alice@example.com", "Alice", "s3cret")


@pytest.mark.parametrize(
    "words",
    [
        "preview welcome hello --customer alice",
        "preview welcome hello --customer alice --html",
        "import customers people.jsonl",
        "import events happenings.jsonl",
    ],
)
def test_personal_data_is_in_no_error(rapport: Rapport, small_shop: Shop, tmp_path: Path, words: str) -> None:
    small_shop.write({"templates/hello/body.html.j2": "{{ {}[customer.email] }}{{ customer.first_name.nothing }}"})
    (tmp_path / "people.jsonl").write_text('{"key": "x", "email": "alice@example.com@", "birthday": "Alice"}\n{"s3cret\n')
    (tmp_path / "happenings.jsonl").write_text('{"customer": "alice@example.com", "event": "Alice", "at": "s3cret"}\n')
    ran = rapport(*words.split())
    assert not [secret for secret in SECRETS if secret in ran.err]


def test_a_pipe_that_is_closed_early_is_no_traceback(rapport: Rapport, store_url: str) -> None:
    import subprocess
    import sys

    words = ["-m", "console.cli.app", *rapport.always, "segment", "sql", "buyers"]
    child = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
    child.wait()
