"""The bot's own HTTP routes."""
