"""A warehouse that one test uploads to and loads."""

from __future__ import annotations

import json

from support import decisions, load
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore

SITES = {"split": ["Split"], "training": ["Train"], "validation": ["Valid"]}


class Warehouse:
    """A bucket in memory and its catalog: configured, uploaded to, loaded and damaged."""

    RAW_PREFIXES = ("raw-a",)

    def __init__(self, store=None, catalog=None, **configuration):
        self.store = MemoryStore() if store is None else store
        self.catalog = MemoryCatalog() if catalog is None else catalog
        self.configure(**configuration)

    def configure(self, **changes):
        prefixes = list(self.RAW_PREFIXES)
        document = {"raw_prefixes": prefixes, "training_percentage": 50, "sites": SITES, **changes}
        self.store.put("config.json", json.dumps(document).encode())

    def clinical(self, patient, uploader="a", day="2020-01-01", name=None, site="Train", **fields):
        """Upload a clinical file; a field that is None is left out of it."""
        record = {"Pseudonym": patient, "SubmittingCentre": site, **fields}
        key = f"raw-{uploader}/{day}/data/{name or patient}_data.json"
        self.store.put(key, json.dumps({k: v for k, v in record.items() if v is not None}).encode())
        return key

    def image(self, data, name="x.dcm", day="2020-01-02"):
        """Upload an image."""
        key = f"raw-a/{day}/images/{name}"
        self.store.put(key, data)
        return key

    def load(self, **how):
        """Run the loader."""
        return load(self.store, self.catalog, **how)

    def remove(self, key):
        """Let an object be gone."""
        del self.store._objects[key]

    def copy_of(self, key):
        """Where the copy of a raw object stands, as the catalog tells."""
        return decisions(self.catalog)[key]["target_key"]

    def verdict(self, key):
        """How a raw object was decided, and the reason."""
        found = decisions(self.catalog)[key]
        return found["outcome"], found["reason"]
