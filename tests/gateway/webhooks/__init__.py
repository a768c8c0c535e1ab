"""Tests of MaintainX's webhooks: the inbox, forwarding, polling."""
