"""The audit log as its readers see it: pages, verification, exports."""
