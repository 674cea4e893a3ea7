"""A deployment's signing keys under a clock of the test's own, for as many processes as it wants."""

from __future__ import annotations

from datetime import timedelta

from artstore.aws.audit_table import AuditTable
from artstore.security import TableKeySource
from functions.auth.keys.published import PublishedKeys
from functions.auth.keys.ring import Initiator, KeyRing
from functions.auth.keys.rotation import KeyRotation
from functions.auth.keys.rotation_records import RotationRecords
from functions.auth.keys.secret import KeySecret
from tests.support.authorization.deployment import ISSUER, PREFIX

AHEAD = timedelta(seconds=300)
LIFETIME = timedelta(seconds=1800)
BY = Initiator("sa_admin", "192.0.2.1", "req-1")


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Deployment:
    """One deployment and as many processes as are asked for."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.secret = KeySecret(f"{PREFIX}/signing-key")
        self.records = RotationRecords(PREFIX)
        self.published = PublishedKeys(PREFIX, ISSUER, self.clock)
        self.audit = AuditTable(PREFIX)

    def rotation(self, algorithm: str = "ES256") -> KeyRotation:
        return KeyRotation(
            secret=self.secret,
            published=self.published,
            records=self.records,
            audit=self.audit,
            algorithm=algorithm,
            publish_ahead=AHEAD,
            token_lifetime=LIFETIME,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def ring(self) -> KeyRing:
        ring = self.secret.read()
        assert ring is not None
        return ring

    def states(self) -> dict[str, str]:
        return {key.kid: str(key.state) for key in self.published.show()}

    def rotations(self) -> list[tuple[str, str]]:
        return [(each.retired, each.activated) for each in self.records.page(100, None)[0]]

    def audited(self) -> list[str]:
        return [entry.object for entry in self.audit.entries(0, 1000)]


def key_source(deployment: Deployment) -> TableKeySource:
    return TableKeySource(PREFIX, ISSUER, deployment.clock)
