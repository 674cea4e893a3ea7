"""What is read out of documents; see ``extractor``."""

from functions.storage_events.extraction.contract import Document, Reading
from functions.storage_events.extraction.extractor import Extraction
from functions.storage_events.extraction.sniffing import Kind, sniff

__all__ = ["Document", "Extraction", "Kind", "Reading", "sniff"]
