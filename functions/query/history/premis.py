"""A history as XML of PREMIS 3.0 (premis-v3-0.xsd, of the Library of Congress): the document as an object of the
category ``file``, its events, and the agents that they name.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from functions.query.history.models import History, HistoryEvent
from functions.query.history.reading import Subject

MEDIA_TYPE = "application/xml"
NAMESPACE = "http://www.loc.gov/premis/v3"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = f"{NAMESPACE} http://www.loc.gov/standards/premis/v3/premis-v3-0.xsd"
_IDENTIFIER, _EVENT, _AGENT = "UUID", "ArtStore event", "ArtStore agent"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 holds not at all (§2.2); names of files may have it."""


def write(history: History, subject: Subject) -> str:
    """Write a page of a history."""
    ET.register_namespace("premis", NAMESPACE)
    ET.register_namespace("xsi", _INSTANCE)
    root = ET.Element(_name("premis"), {"version": "3.0", f"{{{_INSTANCE}}}schemaLocation": _LOCATION})
    _object(root, subject)
    for event in history.items:
        _event(root, event, history)
    for agent in sorted({each.agent for each in history.items if each.agent}):
        _agent(root, agent)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _object(root: ET.Element, subject: Subject) -> None:
    known = subject.attributes
    one = _add(root, "object")
    one.set(f"{{{_INSTANCE}}}type", "premis:file")
    _identify(one, "object", _IDENTIFIER, str(subject.file_id))
    about = _add(one, "objectCharacteristics")
    checksum = known.checksum if known is not None else subject.checksum
    size = known.file_size if known is not None else subject.file_size
    if checksum is not None:
        fixity = _add(about, "fixity")
        _add(fixity, "messageDigestAlgorithm", "SHA-256")
        _add(fixity, "messageDigest", checksum)
    if size is not None:
        _add(about, "size", str(size))
    form = _add(_add(about, "format"), "formatDesignation")
    content_type = known.content_type if known is not None else subject.content_type
    _add(form, "formatName", content_type or "application/octet-stream")
    name = known.original_filename if known is not None else subject.original_filename
    if name:
        _add(one, "originalName", name)


def _event(root: ET.Element, event: HistoryEvent, history: History) -> None:
    one = _add(root, "event")
    _identify(one, "event", _EVENT, f"{history.file_id}/{event.event_id}")
    _add(one, "eventType", event.type)
    _add(one, "eventDateTime", event.at.isoformat().replace("+00:00", "Z"))
    if event.detail:
        _add(_add(one, "eventDetailInformation"), "eventDetail", event.detail)
    outcome = _add(one, "eventOutcomeInformation")
    _add(outcome, "eventOutcome", event.outcome)
    if event.reason:
        _add(_add(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", event.reason)
    if event.agent:
        _link(one, "linkingAgent", _AGENT, event.agent)
    _link(one, "linkingObject", _IDENTIFIER, str(history.file_id))


def _agent(root: ET.Element, agent: str) -> None:
    one = _add(root, "agent")
    _identify(one, "agent", _AGENT, agent)
    _add(one, "agentName", agent)
    _add(one, "agentType", "software")


def _identify(parent: ET.Element, of: str, kind: str, value: str) -> None:
    identifier = _add(parent, f"{of}Identifier")
    _add(identifier, f"{of}IdentifierType", kind)
    _add(identifier, f"{of}IdentifierValue", value)


_link = _identify


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    added = ET.SubElement(parent, _name(name))
    added.text = None if text is None else _NO_XML.sub("\ufffd", text)
    return added


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
