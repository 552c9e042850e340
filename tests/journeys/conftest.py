"""After every test here the sum law holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.files import sums_hold


@pytest.fixture(autouse=True)
def sum_law(request: pytest.FixtureRequest) -> Iterator[None]:
    shop = request.getfixturevalue("shop") if "shop" in request.fixturenames else None
    yield
    assert shop is None or sums_hold(shop)
