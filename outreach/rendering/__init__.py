"""Mails from Jinja templates: one renderer for preview, test, demo and sending."""

# Part of every template's hash: raise it when the same template and values would give another mail.
RENDERER = "1"
