"""A Slack workspace on loopback that enforces what Slack enforces.

``SlackWorkspace.start()`` in ``workspace.py`` is the way in; any Bolt app can be pointed at ``api_url``.
"""
