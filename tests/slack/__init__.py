"""The Slack edge, shown against a Slack that enforces what Slack enforces."""
