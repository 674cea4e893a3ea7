"""What the webhook is made of, built lazily, once a process."""

from __future__ import annotations

import functools

from artstore import config
from artstore.aws.secret_store import read_secret
from functions.storage_events.webhook.events_queue import EventsQueue
from functions.storage_events.webhook.forwarding import Forwarding
from functions.storage_events.webhook.tokens import WebhookTokens


@functools.cache
def settings() -> config.WebhookSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.WebhookSettings)


@functools.cache
def tokens() -> WebhookTokens:
    """Give the tokens that senders know."""
    return WebhookTokens(lambda stage: read_secret(settings().webhook_token_secret_id, stage))


@functools.cache
def forwarding() -> Forwarding:
    """Give the way to the queue of events."""
    return Forwarding(EventsQueue(settings().events_queue_url).send)
