"""Recordings by the million: planned, embedded in parts, resumed, reconciled.

A run is a folder of Parquet shards with its plan and its manifest. The local engine and the Ray
cluster compute parts by one function, so that their shards are equal.
"""

from affectspace.scale.folder import Folder, open_folder
from affectspace.scale.plan import Plan, read_plan
from affectspace.scale.reconcile import MANIFEST, Account
from affectspace.scale.run import SHARD_SIZE, embed_many

__all__ = [
    "MANIFEST",
    "SHARD_SIZE",
    "Account",
    "Folder",
    "Plan",
    "embed_many",
    "open_folder",
    "read_plan",
]
