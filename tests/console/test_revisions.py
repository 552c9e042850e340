"""Content as git has it at a revision: all of it, only it, and nothing of the working tree is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.revisions import Revision, content_at, find_revision
from crm_store.errors import ContentError, UsageError
from tests.console.repository import Repository, make_repository
from tests.world import VOCABULARY, Shop

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
CAMPAIGN = "kind: nurture\ntopic: offers\nenter: {segment: buyers}\nsteps: [{send: hello}]\n"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.segment("buyers", "event: order")
    shop.campaign("welcome", CAMPAIGN)
    return shop


@pytest.fixture
def repository(shop: Shop) -> Repository:
    return make_repository(shop.root)


def says(shop: Shop, revision: str = "HEAD", name: str = "buyers") -> str:
    return content_at(shop.root, find_revision(shop.root, revision)).segments[name].sentence()


def test_segments_are_read_as_they_were(shop: Shop, repository: Repository) -> None:
    shop.segment("buyers", "attribute: country\nis: DE")
    second = repository.commit()
    shop.segment("buyers", "attribute: country\nis: FR")
    assert says(shop) == "Customers for whom the country is 'DE'."
    assert "order" in says(shop, "HEAD~1")
    repository("tag", "spring")
    for name in ("main", "spring", second, second[:10]):
        assert says(shop, name) == says(shop)


def test_so_are_vocabulary_settings_and_campaigns(shop: Shop, repository: Repository) -> None:
    shop.write({"config/vocabulary.yaml": VOCABULARY.replace("type: number", "type: text")})
    shop.write(
        {"config/rapport.yaml": (shop.root / "config/rapport.yaml").read_text().replace("Europe/Berlin", "Asia/Tokyo")}
    )
    shop.campaign("welcome", CAMPAIGN.replace("buyers", "spenders"))
    shop.segment("spenders", "event: order")
    content = content_at(shop.root, find_revision(shop.root, "HEAD"))
    assert content.workspace.vocabulary.attributes["points"].type == "number"
    assert content.workspace.settings.company.zone.key == "Europe/Berlin"
    assert set(content.segments) == {"buyers"}
    assert content.campaigns["welcome"].segments() == {"buyers"}


def test_a_revision_is_known_by_its_name_and_its_commit(shop: Shop, repository: Repository) -> None:
    assert find_revision(shop.root, "main") == Revision("main", repository("rev-parse", "HEAD"))


def test_nothing_of_the_repository_or_the_working_tree_changes(shop: Shop, repository: Repository) -> None:
    shop.segment("buyers", "attribute: country\nis: FR")
    shop.segment("more", "event: order")
    repository("add", "segments/more.yaml")
    before = repository("status", "--porcelain"), sorted(shop.root.rglob("*"))
    says(shop)
    assert (repository("status", "--porcelain"), sorted(shop.root.rglob("*"))) == before


def test_a_workspace_may_be_a_folder_of_a_repository(shop: Shop) -> None:
    (shop.root.parent / "segments").mkdir()
    (shop.root.parent / "segments/buyers.yaml").write_text("who: {event: something-else}\n")
    repository = make_repository(shop.root.parent)
    assert "order" in says(shop)
    repository("rm", "--quiet", "-r", "--cached", "shop")
    repository("commit", "--quiet", "--message", "no longer here")
    with pytest.raises(UsageError, match=r"revision 'HEAD' has no config/rapport.yaml of workspace .*/shop; name one"):
        says(shop)
    assert "order" in says(shop, "HEAD~1")


def test_names_with_odd_characters_are_content_too(shop: Shop) -> None:
    shop.write({"templates/späte grüße/subject.j2": "hi", "templates/späte grüße/body.html.j2": "<p>hi</p>"})
    make_repository(shop.root)
    content = content_at(shop.root, find_revision(shop.root, "HEAD"))
    assert content.workspace.sources.files["templates/späte grüße/subject.j2"] == "hi"


def test_links_are_followed_within_the_repository_only(shop: Shop) -> None:
    (shop.root / "segments/linked.yaml").symlink_to("buyers.yaml")
    (shop.root / "segments/lost.yaml").symlink_to("nowhere.yaml")
    (shop.root / "segments/outside.yaml").symlink_to("/etc/hostname")
    make_repository(shop.root)
    content = content_at(shop.root, find_revision(shop.root, "HEAD"))
    assert set(content.segments) == {"buyers", "linked"}
    assert content.segments["linked"].who == content.segments["buyers"].who


def test_what_is_no_content_is_not_read(shop: Shop) -> None:
    shop.write({"segments/notes.txt": "?", "templates/hello/logo.png": "?", "people.yaml": "?: ["})
    make_repository(shop.root)
    assert set(content_at(shop.root, find_revision(shop.root, "HEAD")).segments) == {"buyers"}


def test_every_fault_of_then_is_said_with_the_revision_before_its_file(shop: Shop) -> None:
    shop.write({"segments/bad.yaml": "title: Bad\nwho: {evnt: order}\n", "segments/worse.yaml": "titel: x\n"})
    repository = make_repository(shop.root)
    shop.write({"config/vocabulary.yaml": "events: ["})
    repository.commit()
    with pytest.raises(ContentError) as error:
        content_at(shop.root, find_revision(shop.root, "HEAD~1"))
    assert [str(fault).partition(": ")[0] for fault in error.value.faults] == [
        "HEAD~1:segments/bad.yaml:2", "HEAD~1:segments/worse.yaml:1", "HEAD~1:segments/worse.yaml:1"
    ]  # fmt: skip
    with pytest.raises(ContentError, match=r"^main:config/vocabulary\.yaml:2: not YAML: "):
        content_at(shop.root, find_revision(shop.root, "main"))


@pytest.mark.parametrize(
    "said", ["nowhere", "", "HEAD~7", "HEAD:segments", "--help", "-h", "HEAD..HEAD", "0123456789", "main "]
)
def test_what_is_no_commit_is_said(shop: Shop, repository: Repository, said: str) -> None:
    with pytest.raises(UsageError) as error:
        find_revision(shop.root, said)
    assert str(error.value) == (
        f"revision '{said}' is not known in the git repository of {shop.root}; name a branch, tag or commit"
    )


def test_a_repository_without_a_commit_has_no_revision(shop: Shop) -> None:
    Repository(shop.root)("init", "--quiet")
    with pytest.raises(UsageError, match="revision 'HEAD' is not known"):
        find_revision(shop.root, "HEAD")


def test_a_workspace_that_is_in_no_repository_is_said(shop: Shop) -> None:
    with pytest.raises(UsageError) as error:
        find_revision(shop.root, "HEAD")
    assert str(error.value) == f"workspace {shop.root} is not in a git repository; there is no revision to compare with"


def test_a_machine_without_git_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not installed"):
        find_revision(shop.root, "HEAD")


def test_what_git_can_not_read_is_said_in_its_words(shop: Shop, repository: Repository) -> None:
    (shop.root / ".git/config").write_text("[core]\nrepositoryformatversion = 99\n")
    with pytest.raises(UsageError, match=f"the git repository of workspace {shop.root} can't be read: .*version"):
        find_revision(shop.root, "HEAD")


@pytest.mark.parametrize("of", ["HEAD:segments/buyers.yaml", "HEAD:segments", "HEAD^{tree}"])
def test_a_repository_that_lacks_something_is_not_taken_for_a_workspace_without_it(
    shop: Shop, repository: Repository, of: str
) -> None:
    lost = repository("rev-parse", of)
    (shop.root / ".git/objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(UsageError, match=f"the git repository of workspace {shop.root} can't be read: "):
        says(shop)


def test_the_repository_of_a_hook_that_runs_us_is_not_taken(
    shop: Shop, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    make_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    assert "order" in says(shop)
