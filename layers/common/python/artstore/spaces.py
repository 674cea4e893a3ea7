"""Spaces: the parts of one archive that its applications share without seeing each other's documents.

A document belongs to one space, the one that its attr.json names. A document of the default space names none; it
is called ``default`` wherever a space has to have a name. Who may do what in which space is told by a
``Reach``: the one predicate, asked on every path. Outside the reach a document does not exist.

A tool may write any text as a document's space. One that is no name of a space is nobody's but theirs who reach
every space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from msgspec import Meta

from artstore.errors import NotFound

DEFAULT: Final = "default"
"""The space of documents that name none."""
ALL: Final = "*"
"""Stands for every space, present and to come, where an account or a token names spaces."""
MAX_NAMED: Final = 20
"""The most spaces that an account names, so that its tokens fit into a header."""

_NAME: Final = "[a-z0-9][a-z0-9-]{0,62}"
SpaceName = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=rf"^{_NAME}(?!\n)$",
        description="1 to 63 lowercase letters, digits and hyphens, not a hyphen first",
    ),
]
"""A space by its name."""
SpaceNameOrAll = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=rf"^(?:\*|{_NAME})(?!\n)$",
        description="the name of a space (1 to 63 lowercase letters, digits and hyphens), or * for every space",
    ),
]
"""A space by its name, or ``*``."""


def is_name(text: str) -> bool:
    """Tell whether a space can be called so."""
    return re.fullmatch(_NAME, text) is not None


def name_of(stored: str | None) -> str:
    """Give the name of the space that an attr.json, a record or a request names."""
    return DEFAULT if stored is None else stored


def stored_as(name: str) -> str | None:
    """Give what an attr.json and a record say of a space: nothing of the default one."""
    return None if name == DEFAULT else name


class Told(Protocol):
    """What an attr.json says that decides for whom its document exists; see ``artstore.attributes``."""

    @property
    def space(self) -> str | None: ...
    @property
    def is_withheld(self) -> bool: ...


@dataclass(frozen=True)
class Reach:
    """The spaces in which a caller may do a thing; None stands for every space there is.

    ``withheld`` are those of them in which documents exist for the caller, too, that are withheld from everybody
    else (``Attributes.is_withheld``); nothing but the archive itself has them without being told so.
    """

    names: frozenset[str] | None
    withheld: frozenset[str] | None = frozenset()

    def includes(self, space: str | None) -> bool:
        """Tell whether a document of ``space``, as its attr.json names it, is within reach."""
        return self.names is None or name_of(space) in self.names

    def shows(self, attributes: Told) -> bool:
        """Tell whether the document exists for the caller that an attr.json tells of."""
        if not self.includes(attributes.space):
            return False
        return not attributes.is_withheld or self.withheld is None or name_of(attributes.space) in self.withheld

    def require(self, space: str | None, what: str) -> None:
        """Raise NotFound (``<what>_not_found``) for what lies out of reach, as for what does not exist."""
        if not self.includes(space):
            raise not_found(what)

    def within(self, space: str | None) -> Reach:
        """Give the part of the reach that lies in ``space``, which may be nothing; None asks for all of it."""
        if space is None:
            return self
        return Reach(frozenset({space}) if self.includes(space) else frozenset(), self.withheld)

    @property
    def key(self) -> list[str]:
        """Give what a cursor is bound to, so that nobody continues with another reach."""
        return key_of(self.names)


EVERYWHERE: Final = Reach(None, None)
"""The reach of the archive itself."""
NOWHERE: Final = Reach(frozenset())
"""The reach of who may not."""


def key_of(names: frozenset[str] | None) -> list[str]:
    """Give spaces as a list: their names, or ``*`` alone for all of them."""
    return [ALL] if names is None else sorted(names)


def named(key: list[str]) -> frozenset[str] | None:
    """Give the spaces that ``key_of`` made a list of."""
    return None if key == [ALL] else frozenset(key)


def not_found(what: str) -> NotFound:
    """Give the error that tells of a thing which does not exist, or not for this caller."""
    return NotFound(f"there is no such {what.replace('_', ' ')}", code=f"{what}_not_found")
