"""Reading config.json from its bucket. Whatever stops it stops the run before anything was decided."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from warehouse import config as configuration
from warehouse.config import Config
from warehouse.domain import keys
from warehouse.errors import (
    ConfigurationError,
    Forbidden,
    NotFound,
    Occupied,
    StoreUnavailable,
    Unaddressable,
)

if TYPE_CHECKING:
    from warehouse.storage.store import Store


def read_configuration(store: Store) -> Config:
    """Read config.json at the bucket's root. Raises ConfigurationError, StoreUnavailable."""
    with before_anything_is_decided("read config.json"):
        try:
            data = store.read(keys.CONFIGURATION_KEY).data
        except Occupied:
            raise
        except NotFound:
            raise ConfigurationError(
                [f"there is no config.json in {store.location}: write one, as config.sample.json shows"]
            ) from None
    return configuration.parse(data)


def configuration_warnings(store: Store, config: Config) -> list[str]:
    """What looks odd in a configuration, beside the bucket that it is for; one sentence each."""
    with before_anything_is_decided("list the bucket's root"):
        return [*config.warnings, *configuration.prefix_warnings(config, store.list_folders())]


@contextmanager
def before_anything_is_decided(doing: str) -> Generator[None]:
    """What the operator can mend ends the run with the code of a usage error: nothing was decided yet."""
    try:
        yield
    except Forbidden as error:
        raise StoreUnavailable(
            doing, error.key, f"{doing}: permission denied ({error.cause}); grant it, run again"
        ) from error
    except (Occupied, Unaddressable) as error:
        raise StoreUnavailable(doing, error.key, f"{doing}: it is no plain object; replace it") from error
