"""The step kinds that playbooks can name: one file per kind."""
