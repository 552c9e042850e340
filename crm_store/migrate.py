"""Which schema a store has, and bringing it to the newest. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from crm_store.errors import StoreError
from crm_store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.config import Config

KNOWN = SCHEMA_VERSION
VERSION_TABLE = "alembic_version"


def version_of(engine: Engine) -> str | None:
    """The store's schema version, None for one without our tables. Raises OperationalError if it can't be reached."""
    with engine.connect() as conn:
        if not inspect(conn).has_table(VERSION_TABLE):
            return None
        return conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def refuse_unknown(version: str | None, location: str) -> None:
    """Raise StoreError for a schema that this program does not know."""
    if version is None or version == KNOWN:
        return
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version not in known:
        raise StoreError(f"store {location} has schema {version}, newer than this program ({KNOWN}); upgrade Rapport")


def upgrade(engine: Engine, to: str = "head") -> None:
    """Run the migrations that are missing, in one transaction."""
    from alembic import command

    config = _config()
    with engine.connect() as conn:
        conn = conn.execution_options(write=True)
        with conn.begin():
            config.attributes["connection"] = conn
            command.upgrade(config, to)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
