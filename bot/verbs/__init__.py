"""The verbs of the `mx` command, one file each; imported only when used."""
