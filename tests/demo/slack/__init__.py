"""Each thing Slack refuses is tried by a raw, bad client."""
