"""The function that storage which knows no queue tells its events to: it puts them into the queue."""
