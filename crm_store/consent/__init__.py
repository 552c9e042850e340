"""Consent and suppression: who may be written to, as of an instant."""
