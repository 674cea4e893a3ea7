"""What the pages say exists, and what they say to paste can be pasted."""

from __future__ import annotations

import importlib.util
import itertools
import re

import pytest

from infra.local.settings import REPOSITORY
from tests.support.documentation import (
    Block,
    anchors,
    blocks,
    inline_code,
    links,
    name_of,
    pages,
    prose,
    shell_blocks,
)

PAGES = {name_of(page): page for page in pages()}
DATA = {"js", "json", "mermaid", "python", "sh", "text", "toml", "yaml"}

MAKE_TARGETS = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = PAGES[name]
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if fragment:
            assert fragment in anchors(there), target


@pytest.mark.parametrize("name", PAGES)
def test_every_code_block_says_what_it_is(name: str) -> None:
    """Else no test would know that a command is one; an indented block cannot say it."""
    for block in blocks(PAGES[name]):
        assert block.language in DATA, f"{name}:{block.line}"
    for number, (above, line) in enumerate(itertools.pairwise(["", *prose(PAGES[name])]), 1):
        assert not (line.startswith("    ") and not above.strip()), f"{name}:{number}: {line}"


NOT_TO_BE_PASTED = {
    r"(^|\s)#": "zsh takes no comments at its prompt",
    r"(^|\s)(status|path|argv|UID|EUID)=": "the name is a shell's own",
    r"\"[^\"']*![^\"]*\"": "bash reads ! in double quotes as its history",
    r"<<<|\[\[|<\(": "sh does not know it",
    r"\b(sha256sum|md5sum|readlink -f|sed -i|date -d|base64 -w|grep -P)\b": "macOS does not have it",
}


@pytest.mark.parametrize("reason", NOT_TO_BE_PASTED, ids=NOT_TO_BE_PASTED.get)
@pytest.mark.parametrize("block", shell_blocks(), ids=lambda block: f"{block.page}:{block.line}")
def test_a_block_can_be_pasted_into_bash_zsh_and_sh(block: Block, reason: str) -> None:
    found = re.search(reason, block.text, re.MULTILINE)
    assert not found, NOT_TO_BE_PASTED[reason]


@pytest.mark.parametrize("name", PAGES)
def test_every_target_of_make_that_a_page_names_is_there(name: str) -> None:
    text = [*inline_code(PAGES[name]), *(block.text for block in blocks(PAGES[name]) if block.language == "sh")]
    for target in re.findall(r"\bmake (?:-s )?([a-z][a-z0-9-]*)", "\n".join(text)):
        assert target in MAKE_TARGETS


@pytest.mark.parametrize("name", PAGES)
def test_every_module_that_a_page_names_is_there(name: str) -> None:
    text = [*inline_code(PAGES[name]), *(block.text for block in blocks(PAGES[name]))]
    for module in re.findall(r"python -m ((?:infra|benchmarks)[\w.]*)", "\n".join(text)):
        assert importlib.util.find_spec(module), module


def test_every_page_is_in_the_readme_s_list() -> None:
    listed = set(links(REPOSITORY / "README.md"))
    for page in REPOSITORY.glob("docs/*.md"):
        assert f"docs/{page.name}" in listed


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = REPOSITORY / "docs" / "adr"
    listed = links(decisions / "README.md")
    assert listed == sorted(path.name for path in decisions.glob("0*.md"))
