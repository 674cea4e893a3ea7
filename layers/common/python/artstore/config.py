"""Typed settings from the environment: the only module that reads ``os.environ``.

Each function has a frozen dataclass that names the settings it uses and no others. ``load`` reports every
missing or malformed name at once, so that a wrong deployment is mended in one round. docs/configuration.md
describes each setting; a test compares it with these classes.
"""

from __future__ import annotations

import dataclasses
import os
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from artstore.elements import StorageElements, parse_elements
from artstore.errors import Misconfigured

T = TypeVar("T")

MAX_COPY_BYTES = 5 * 1024**3
"""The most that S3 copies at once (CopyObject, UploadPartCopy)."""
MIN_PART_BYTES = 5 * 1024**2
"""The least that S3 takes as a part, the last one excepted."""

_NAME = "artstore.setting"
_PARSE = "artstore.parse"
_ENVIRONMENT: Mapping[str, str] = types.MappingProxyType(os.environ)


def environment() -> Mapping[str, str]:
    """Give the environment, as it is whenever it is read, for adapters that take a mapping (AWS credentials)."""
    return _ENVIRONMENT


def _setting(name: str, parse: Callable[[str], Any] = str, default: Any = dataclasses.MISSING) -> Any:
    return dataclasses.field(default=default, metadata={_NAME: name, _PARSE: parse})


def _number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"must be {minimum} to {maximum}, not {value}")
        return value

    return parse


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {text}")
        return text

    return parse


def _flag(text: str) -> bool:
    return _one_of("true", "false")(text.lower()) == "true"


def _list(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _socket_address(text: str) -> tuple[str, int] | str:
    """Read ``tcp://host:port`` or ``unix:///path``."""
    if (tcp := re.fullmatch(r"tcp://([^/:\s\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", text)) is not None:
        return tcp[1].strip("[]"), _number(1, 65_535)(tcp[2])
    if (unix := re.fullmatch(r"unix://(/[^\s\0]+)", text)) is not None:
        return unix[1]
    raise ValueError(f"must be tcp://host:port or unix:///path, not {text}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """What every function needs."""

    prefix: str = _setting("ARTSTORE_PREFIX")
    """Prefix of the deployment's resource names; DynamoDB tables are ``{prefix}-accounts`` and so on."""
    log_level: str = _setting("ARTSTORE_LOG_LEVEL", default="INFO")
    """DEBUG, INFO, WARNING or ERROR."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BrowserSettings:
    """What every function with HTTP routes tells browsers."""

    allowed_origins: tuple[str, ...] = _setting("ARTSTORE_ALLOWED_ORIGINS", _list, ())
    """Origins whose pages may use the API, parted by commas; * stands for any characters. Without it: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HttpSettings(CommonSettings, BrowserSettings):
    """What every function with HTTP routes needs to verify tokens."""

    issuer: str = _setting("ARTSTORE_ISSUER")
    """Issuer of access tokens, and their audience (RFC 9068 §2.2)."""
    revocation_delay_seconds: int = _setting("ARTSTORE_REVOCATION_DELAY_SECONDS", _number(0, 300), 30)
    """How long a revoked token may still pass, in seconds; each process reads the revoked ones so often."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthSettings(HttpSettings):
    """The authorization server."""

    signing_key_secret_id: str = _setting("ARTSTORE_SIGNING_KEY_SECRET_ID")
    """Secrets Manager id or ARN of the private signing keys."""
    token_lifetime_seconds: int = _setting("ARTSTORE_TOKEN_LIFETIME_SECONDS", _number(60, 86_400), 1800)
    """Lifetime of an access token, in seconds."""
    signing_algorithm: str = _setting("ARTSTORE_SIGNING_ALGORITHM", _one_of("RS256", "ES256"), "RS256")
    """What new signing keys are made for: RS256 or ES256."""
    key_publish_ahead_seconds: int = _setting("ARTSTORE_KEY_PUBLISH_AHEAD_SECONDS", _number(10, 86_400), 300)
    """How long the next signing key is published before it signs, in seconds; verifiers may cache for 5 less."""
    token_requests_per_minute: int = _setting("ARTSTORE_TOKEN_REQUESTS_PER_MINUTE", _number(1, 100_000), 100)
    """Requests that a service account may make to the token endpoint in a minute, unless its own limit differs."""
    audit_bucket: str | None = _setting("ARTSTORE_AUDIT_BUCKET", default=None)
    """Bucket with locked versions that the audit log is exported to; without it there are no exports."""
    bcrypt_cost: int = _setting("ARTSTORE_BCRYPT_COST", _number(4, 15), 9)
    """Cost (log2 of rounds) of the hash of client secrets."""
    secret_lifetime_days: int = _setting("ARTSTORE_SECRET_LIFETIME_DAYS", _number(1, 3650), 90)
    """How long a new client secret is valid, in days."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _StorageSettings(CommonSettings):
    elements: StorageElements = _setting("ARTSTORE_STORAGE_ELEMENTS", parse_elements)
    """Storage elements: a JSON list of {element_id, bucket, prefix, mode, priority}."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobsSettings(CommonSettings):
    """What a function needs to start jobs, or to do them."""

    jobs_queue_url: str = _setting("ARTSTORE_JOBS_QUEUE_URL")
    """URL of the queue that wakes whoever does jobs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventQueueSettings(CommonSettings):
    """What a function needs to settle events, or to send back those that were given up."""

    events_queue_url: str = _setting("ARTSTORE_EVENTS_QUEUE_URL")
    """URL of the queue of storage events."""
    dead_letters_url: str = _setting("ARTSTORE_DEAD_LETTERS_URL")
    """URL of its dead letter queue."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class IngestingSettings(CommonSettings):
    """What a function needs to have a place in a bucket looked at now, not soon."""

    ingest_function: str = _setting("ARTSTORE_INGEST_FUNCTION")
    """Name of the function behind the queue of storage events."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatabaseSettings(CommonSettings):
    """What a function needs to reach the index."""

    database_url: str | None = _setting("ARTSTORE_DATABASE_URL", default=None)
    """PostgreSQL URL; only where there is no secret to read (one process on a laptop, tests)."""
    database_secret_id: str | None = _setting("ARTSTORE_DATABASE_SECRET_ID", default=None)
    """Secrets Manager id or ARN of a secret whose text is the PostgreSQL URL."""

    def __post_init__(self) -> None:
        if not (self.database_url or self.database_secret_id):
            raise Misconfigured("one of ARTSTORE_DATABASE_URL and ARTSTORE_DATABASE_SECRET_ID must be set")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScanSettings(CommonSettings):
    """What a function needs to have bytes scanned."""

    scanner: tuple[str, int] | str | None = _setting("ARTSTORE_SCANNER_ADDRESS", _socket_address, None)
    """Where clamd listens: tcp://host:port or unix:///path; without it nothing is scanned."""
    scan_max_bytes: int = _setting("ARTSTORE_SCAN_MAX_BYTES", _number(1, 4 * 1024**3 - 1), 100 * 1024**2)
    """Larger objects are not sent to the scanner; at most clamd's StreamMaxLength."""
    scan_required: bool = _setting("ARTSTORE_SCAN_REQUIRED", _flag, False)
    """Whether the bytes of documents that were not scanned are kept back."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UploadSettings(HttpSettings, _StorageSettings, DatabaseSettings, IngestingSettings):
    """The write side."""

    s3_public_endpoint: str | None = _setting("ARTSTORE_S3_PUBLIC_ENDPOINT", default=None)
    """Endpoint in presigned URLs when clients reach storage under another name than the functions."""
    upload_expiry_seconds: int = _setting("ARTSTORE_UPLOAD_EXPIRY_SECONDS", _number(1, 604_800), 3600)
    """How long a presigned upload URL holds, in seconds."""
    multipart_expiry_seconds: int = _setting("ARTSTORE_MULTIPART_EXPIRY_SECONDS", _number(60, 604_800), 518_400)
    """How long the parts of a multipart upload may come, in seconds; buckets drop what is a day older."""
    cursor_key_secret_id: str = _setting("ARTSTORE_CURSOR_KEY_SECRET_ID")
    """Secrets Manager id or ARN of the key that seals page cursors."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangesSettings(CommonSettings):
    """What a function needs to change documents."""

    trash_days: int = _setting("ARTSTORE_TRASH_DAYS", _number(1, 3650), 30)
    """How long a deleted document can be brought back, in days."""
    retention_mode: str = _setting("ARTSTORE_RETENTION_MODE", _one_of("GOVERNANCE", "COMPLIANCE"), "GOVERNANCE")
    """Mode of the locks on versions that have none yet."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentsSettings(
    HttpSettings, _StorageSettings, DatabaseSettings, JobsSettings, IngestingSettings, ChangesSettings
):
    """What changes documents that are there."""

    cursor_key_secret_id: str = _setting("ARTSTORE_CURSOR_KEY_SECRET_ID")
    """As for uploads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaintenanceSettings(HttpSettings, JobsSettings, EventQueueSettings):
    """Maintenance, as far as it is behind the API."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerSettings(
    _StorageSettings,
    DatabaseSettings,
    JobsSettings,
    IngestingSettings,
    ChangesSettings,
    EventQueueSettings,
    ScanSettings,
):
    """Whoever does jobs and sweeps."""

    copy_whole_bytes: int = _setting("ARTSTORE_COPY_WHOLE_BYTES", _number(0, MAX_COPY_BYTES), MAX_COPY_BYTES)
    """The most bytes that are copied by one call; what is larger is copied in parts."""
    copy_part_bytes: int = _setting(
        "ARTSTORE_COPY_PART_BYTES", _number(MIN_PART_BYTES, MAX_COPY_BYTES), 512 * 1024**2
    )
    """Bytes of such a part; more where 10,000 parts would not suffice."""
    exports_bucket: str = _setting("ARTSTORE_EXPORTS_BUCKET")
    """Bucket that bags of documents are made in."""
    source_kept_hours: int = _setting("ARTSTORE_SOURCE_KEPT_HOURS", _number(1, 8760), 24)
    """How long the source of a finalized document stays, in hours."""
    reconcile_repair: bool = _setting("ARTSTORE_RECONCILE_REPAIR", _flag, False)
    """Whether the reconciliation that the clock starts repairs what differs, too."""
    events_mapping_id: str = _setting("ARTSTORE_EVENTS_MAPPING_ID")
    """UUID of the event source mapping that hands storage events to their function."""
    guard_function: str = _setting("ARTSTORE_GUARD_FUNCTION")
    """Name of the function that has storage refuse what the modes of storage elements forbid."""
    upload_grace_seconds: int = _setting("ARTSTORE_UPLOAD_GRACE_SECONDS", _number(0, 604_800), 3600)
    """How long an upload is let alone after its URL ended, in seconds."""
    orphan_days: int = _setting("ARTSTORE_ORPHAN_DAYS", _number(1, 3650), 7)
    """How old an object without an attr.json is before anything is done about it, in days."""
    fixity_days: int = _setting("ARTSTORE_FIXITY_DAYS", _number(0, 36_500), 365)
    """Within how many days every document is read again and compared with its checksum; 0: only when asked."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuerySettings(HttpSettings, _StorageSettings, DatabaseSettings):
    """The read side."""

    public_url: str | None = _setting("ARTSTORE_PUBLIC_URL", default=None)
    """Where clients reach the API, for the OpenAPI document; without it the issuer."""
    s3_public_endpoint: str | None = _setting("ARTSTORE_S3_PUBLIC_ENDPOINT", default=None)
    """As for uploads."""
    cursor_key_secret_id: str = _setting("ARTSTORE_CURSOR_KEY_SECRET_ID")
    """As for uploads."""
    download_expiry_seconds: int = _setting("ARTSTORE_DOWNLOAD_EXPIRY_SECONDS", _number(1, 604_800), 300)
    """How long a presigned download URL holds, in seconds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StorageEventsSettings(_StorageSettings, DatabaseSettings, JobsSettings, EventQueueSettings, ScanSettings):
    """The function behind the event queue."""

    keep_place: bool = _setting("ARTSTORE_KEEP_PLACE", _flag, False)
    """Whether attr.json keeps where a picture was taken."""
    read_at_once_bytes: int = _setting("ARTSTORE_READ_AT_ONCE_BYTES", _number(0, 2**40), 32 * 1024**2)
    """Larger objects whose SHA-256 storage does not know are described first, and read through later."""
    scan_seconds: int = _setting("ARTSTORE_SCAN_SECONDS", _number(1, 40), 10)
    """The most that the scanner may take for a document that has just arrived, in seconds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookSettings(CommonSettings, BrowserSettings):
    """The function that storage tells its events to over HTTP."""

    events_queue_url: str = _setting("ARTSTORE_EVENTS_QUEUE_URL")
    """URL of the queue of storage events."""
    webhook_token_secret_id: str = _setting("ARTSTORE_WEBHOOK_TOKEN_SECRET_ID")
    """Secrets Manager id or ARN of the token that senders of events know."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuardSettings(_StorageSettings):
    """The function that keeps the buckets' policies."""

    ingest_role_arn: str = _setting("ARTSTORE_INGEST_ROLE_ARN")
    """ARN of the role that still describes what has arrived while a storage element is being closed."""


def setting_names(settings: type[CommonSettings]) -> dict[str, str]:
    """Map each environment variable of ``settings`` to the name of its field."""
    return {field.metadata[_NAME]: field.name for field in dataclasses.fields(settings)}


def load(settings: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Read ``settings`` from the environment; an empty variable counts as unset.

    Raises Misconfigured naming every missing and every malformed setting at once.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # T is one of the dataclasses above
        name = field.metadata[_NAME]
        text = environ.get(name, "")
        if not text:
            if field.default is dataclasses.MISSING:
                problems.append(f"{name} is not set")
            continue
        try:
            values[field.name] = field.metadata[_PARSE](text)
        except (ValueError, TypeError) as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise Misconfigured("; ".join(problems))
    return settings(**values)
