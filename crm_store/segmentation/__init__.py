"""Segments: YAML conditions, checked against the vocabulary, compiled to SQL; nothing is decided customer by customer."""
