"""The probes: one file per kind of question."""
