"""The flight simulator: a Slack workspace, a MaintainX and an integration that can be broken, on loopback."""
