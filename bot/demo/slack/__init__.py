"""A Slack workspace on loopback that enforces what Slack enforces."""
