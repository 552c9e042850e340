"""What keeps a customer from being annoyed: caps and priorities, hours, pace, guards. All of it is decided in the claim."""
