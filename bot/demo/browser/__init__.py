"""The flight simulator in a browser: its pages, and what they ask of the server."""
