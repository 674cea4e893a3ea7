"""Fixity: reading documents again, the longest unread first, and telling of those that are not what they were."""
