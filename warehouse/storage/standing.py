"""What stands in the two sets already, of an older loader or from before a catalog was lost.

Only keys are read, from listings: they say which patient is where, and whose a study is.
"""

from __future__ import annotations

from collections.abc import Iterator

from warehouse.domain.keys import canonical, safe_segment, standing_study
from warehouse.domain.records import GROUPS, IMAGE_TYPES, Group
from warehouse.storage.catalog import Catalog
from warehouse.storage.store import Store

# Canonical patient -> set -> the usable spellings of its folder, in byte order; there may be none.
StandingFolders = dict[str, dict[Group, tuple[str, ...]]]

_A_RUN_THAT_SAW_ALL = """
    SELECT run FROM runs
    WHERE listed > 0 AND listed = known + loaded + present + quarantined + deferred + ignored LIMIT 1"""


def standing_folders(store: Store) -> StandingFolders:
    """Each patient's sets; a folder whose name no key may hold still says where its patient stands."""
    folders: StandingFolders = {}
    for group in GROUPS:
        for name in store.list_folders(f"{group}/data/"):
            spellings = folders.setdefault(canonical(name), {})
            known = spellings.get(group, ())
            found = (name,) if safe_segment(name) else ()
            spellings[group] = tuple(sorted((*known, *found), key=str.encode))
    return folders


def standing_studies(store: Store, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Each image's study and canonical patient by its key, until a run has put all of them in the catalog."""
    if catalog.query(_A_RUN_THAT_SAW_ALL).num_rows:
        return
    for group in GROUPS:
        for type in IMAGE_TYPES:
            for info in store.list(f"{group}/{type}/"):
                found = standing_study(info.key)
                if found is not None:
                    yield found
