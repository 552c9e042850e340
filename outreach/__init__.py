"""What we say: mails from templates, offers, signed links, channels. No SQL, no flows."""
