"""The function behind the event queue: verifies, describes and indexes what arrived in storage."""
