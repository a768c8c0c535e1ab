"""The Slack edge: commands, buttons, the card."""
