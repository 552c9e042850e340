"""How long `rapport check` takes on 100 segments with their examples, beside the same command on one segment without any.

The segments are the starter's, each as often under other names as it takes; campaigns and mails, whose check is another
matter, are left out. The bar is 3x.

    bin/bench checking
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from benchmarks.measure import arguments, case, in_turns, report, run, show
from console.starter import lay_out

ROUNDS = 7
RAPPORT = str(Path(sys.executable).with_name("rapport"))


def main() -> None:
    wanted = arguments("checking", "100")
    with tempfile.TemporaryDirectory() as name:
        many, one = Path(name) / "many", Path(name) / "one"
        for folder in (many, one):
            lay_out(folder)
            for campaign in (folder / "config/campaigns").glob("*.yaml"):
                campaign.unlink()
        examples = multiply(many, wanted.size)
        keep_one(one)
        works = {folder.name: partial(run, (RAPPORT, "check"), folder) for folder in (many, one)}
        taken = in_turns(works, ROUNDS)
    cases = [case(f"{wanted.size} segments, {examples} examples", taken["many"], taken["one"])]
    show(report("checking", wanted, cases), wanted.as_json)


def multiply(folder: Path, count: int) -> int:
    """Copies of the segments that are there, until there are so many. Returns how many examples they have."""
    texts = [path.read_text() for path in sorted((folder / "segments").glob("*.yaml"))]
    for number, text in enumerate(islice(cycle(texts), count - len(texts))):
        (folder / "segments" / f"copy-{number}.yaml").write_text(text)
    return sum(text.count("member:") for text in islice(cycle(texts), count))


def keep_one(folder: Path) -> None:
    """One segment without examples."""
    for path in (folder / "segments").glob("*.yaml"):
        path.unlink()
    (folder / "segments" / "one.yaml").write_text("question: Who has ordered?\nwho: {event: order}\n")


if __name__ == "__main__":
    main()
