"""The `rapport` command: one file a group of commands."""
