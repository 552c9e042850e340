from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake.desk import Desk
from tests.world import Shop


@pytest.fixture
def desk(
    shop: Shop, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    """Somebody at a shop's command line, with files at hand."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Desk(shop, store_url, folder, monkeypatch, capsys)
