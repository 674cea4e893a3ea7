"""The pages of the project, taken apart: code blocks, links, headings, commands in the text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from infra.local.settings import REPOSITORY

SHELL = "sh"
"""The language of a block that is meant to be pasted into a shell."""

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>```+|~~~+)(?P<language>\S*)\s*")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`(?P<code>[^`\n]+)`")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced code block: the page it is on, its first line there, its language, its text."""

    page: str
    line: int
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that a reader is led to."""
    return [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page (CommonMark §4.5). Raises ValueError for one without an end."""
    fence, begun, text = None, 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = _FENCE.fullmatch(line)
        if fence is None:
            if match:
                fence, begun, text = match, number + 1, []
        elif match and match["mark"] == fence["mark"] and not match["language"]:
            yield Block(name_of(page), begun, fence["language"], "\n".join(text) + "\n")
            fence = None
        else:
            text.append(line.removeprefix(fence["indent"]))
    if fence is not None:
        raise ValueError(f"{name_of(page)}:{begun}: a code block without an end")


def shell_blocks() -> list[Block]:
    """Every block that is meant for a shell."""
    return [block for page in pages() for block in blocks(page) if block.language == SHELL]


def prose(page: Path) -> list[str]:
    """The lines of a page that are in no fenced block."""
    text = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        for number in range(block.line - 2, block.line + len(block.text.splitlines())):
            text[number] = ""
    return text


def links(page: Path) -> list[str]:
    """Where the links of a page lead."""
    return [match["target"] for line in prose(page) for match in _LINK.finditer(line)]


def inline_code(page: Path) -> list[str]:
    """What is set as code within the text of a page."""
    return [match["code"] for line in prose(page) for match in _CODE.finditer(line)]


def anchors(page: Path) -> set[str]:
    """The fragments under which GitHub finds the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
        for line in prose(page)
        if line.startswith("#")
    }
