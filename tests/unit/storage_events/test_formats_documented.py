"""docs/formats.md says what is read of each format as the registry has it, and every reason there is."""

from __future__ import annotations

import re
from pathlib import Path

from functions.storage_events.extraction.process.confinement import Ending
from infra import formats

READING = Path(formats.__file__).parents[1] / "functions" / "storage_events" / "extraction"


def test_the_tables_are_generated_from_the_registry_as_it_is() -> None:
    text = formats.DOCUMENT.read_text(encoding="utf-8")
    assert text == formats.generated(text), "run python -m infra.formats --write"
    assert formats.generated(text).count("| `docx` |") == 2


def test_every_reason_is_explained() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in READING.rglob("*.py"))
    reasons = set(re.findall(r'(?:lacking|BadXml|"partial"|"failed")[,(]\s*"([a-z_]+)"', sources))
    reasons |= {str(each) for each in Ending} - {"finished", "failed"}
    explained = set(re.findall(r"`([a-z_]+)`", formats.DOCUMENT.read_text(encoding="utf-8")))
    assert len(reasons) > 12
    assert reasons <= explained
