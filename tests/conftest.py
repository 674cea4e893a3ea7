"""What every test starts with: no AWS client and no log stream left over from another test."""

from __future__ import annotations

import logging

import pytest

from artstore import aws, objects, telemetry
from artstore.aws import dynamodb, secret_store
from artstore.http import app

pytest_plugins = ["tests.support.runs.workers"]


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    kept = (
        aws.session,
        dynamodb.connect,
        objects.boto3_client,
        objects.s3_client,
        secret_store.caller,
        telemetry.get_logger,
        app.request_logger,
        app.deployment,
        app.cors_policy,
    )
    for each in kept:
        each.cache_clear()
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and vars(logger).pop("init", False):
            # Powertools marks a logger that it has set up; its handler keeps the stdout of that moment.
            vars(logger).pop("powertools_handler", None)
            logger.handlers.clear()
