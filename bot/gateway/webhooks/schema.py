"""The inbox's tables."""

INBOX = """
SELECT 1;
"""
