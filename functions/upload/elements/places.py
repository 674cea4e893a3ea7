"""Where a storage element may lie: in a bucket of the deployment, under a prefix that is no other element's.

The buckets of the deployment are those of its template's elements: functions have rights on no others, and only
these tell of what happens in them. The element of the template that has a whole bucket may have others beneath it:
a document belongs to the longest prefix.
"""

from __future__ import annotations

from collections.abc import Iterable

from artstore.elements import Mode, StorageElements
from artstore.elements.registry import Definition
from artstore.errors import Conflict, Invalid, Unavailable


def choose_bucket(seeds: StorageElements, mode: Mode, named: str | None) -> str:
    """Give the bucket for an element of ``mode``.

    Raises Invalid (``bucket_not_of_this_deployment``) for one that is not the deployment's, or is for another
    mode, and Unavailable (``no_bucket``) where the deployment has none for the mode.
    """
    suitable = [seed.bucket for seed in seeds if (seed.mode is Mode.EDIT) == (mode is Mode.EDIT)]
    if named is None:
        if not suitable:
            raise Unavailable(f"the deployment has no bucket for {mode} elements", code="no_bucket")
        return suitable[0]
    if named not in suitable:
        raise Invalid(
            f"the deployment has no such bucket for {mode} elements",
            code="bucket_not_of_this_deployment",
            field="bucket",
        )
    return named


def check_apart(others: Iterable[Definition], wanted: Definition) -> None:
    """Check that no other element's prefix, a deleted one's included, is above or below that of ``wanted``.

    Raises Conflict (``prefix_overlaps``).
    """
    for other in others:
        if other.bucket != wanted.bucket or not other.prefix:
            continue
        if other.prefix.startswith(wanted.prefix) or wanted.prefix.startswith(other.prefix):
            raise Conflict(
                f"the prefix overlaps that of {other.element_id}", code="prefix_overlaps", field="prefix"
            )
