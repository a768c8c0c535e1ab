"""The stand-ins, each asked by a plain client."""
