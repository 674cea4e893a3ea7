"""The text of HTML as a browser shows it, by a browser's own rules (WHATWG HTML §13.2), with Lexbor."""

from __future__ import annotations

import re
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from functions.storage_events.extraction.contract import Facts

MAX_MARKUP = 8 * 1024 * 1024
"""The most characters of markup that are parsed: the tree takes several times their memory."""
_NOT_SHOWN = frozenset(
    {"script", "style", "template", "head", "iframe", "object", "svg", "math", "-comment", "!--"}
)
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
        "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time",
        "tt", "u", "var", "wbr", "nobr",
    }
)  # fmt: skip
_SPACE = re.compile(r"[ \t\n\f\r]+")
_SPOKEN = ("alt", "title", "placeholder", "aria-label")


def parse_page(markup: str) -> LexborHTMLParser:
    """Parse markup, at most MAX_MARKUP of it."""
    return LexborHTMLParser(markup[:MAX_MARKUP])


def page_facts(page: LexborHTMLParser) -> Facts:
    """Give the title and the author that the page names."""
    title = page.css_first("title")
    return Facts(title=title.text() if title is not None else None, author=_meta(page, "author"))


def page_description(page: LexborHTMLParser) -> str:
    """Give what the page says of itself, for search engines."""
    told = [_meta(page, name) for name in ("description", "keywords")]
    return "".join(each + "\n" for each in told if each)


def page_text(page: LexborHTMLParser, tell: Callable[[str], None]) -> None:
    """Tell the text that is shown, piece by piece, lines where blocks begin and end."""
    tell = _sparingly(tell)
    node = page.root
    while node is not None:
        shown = node.tag not in _NOT_SHOWN
        if shown:
            _tell_start(node, tell)
        inside = node.first_child if shown else None
        node = _after(node, tell) if inside is None else inside


def _sparingly(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Tell white space as a browser does: a run of it is one space, and blocks in blocks are one line's end."""
    ended = True

    def told(text: str) -> None:
        nonlocal ended
        text = _SPACE.sub(" ", text) if text != "\n" else text
        if (text == "\n" and ended) or (text == " " and ended):
            return
        ended = text == "\n"
        tell(text)

    return told


def _after(node: LexborNode | None, tell: Callable[[str], None]) -> LexborNode | None:
    """Close the node, and those around it that end with it; give what comes next."""
    while node is not None:
        if node.is_element_node and node.tag not in _INLINE:
            tell("\n")
        if node.next is not None:
            return node.next
        node = node.parent
    return None


def _tell_start(node: LexborNode, tell: Callable[[str], None]) -> None:
    if node.is_text_node:
        tell(node.text_content or "")
        return
    if not node.is_element_node:
        return
    if node.tag not in _INLINE:
        tell("\n")
    attributes = node.attributes
    for name in _SPOKEN:
        if value := attributes.get(name):
            tell(f" {value} ")
    if node.tag == "input" and attributes.get("type") not in ("hidden", "password"):
        tell(f" {attributes.get('value') or ''} ")


def _meta(page: LexborHTMLParser, name: str) -> str | None:
    found = page.css_first(f'meta[name="{name}" i]')
    return None if found is None else found.attributes.get("content")
