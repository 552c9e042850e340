"""What the ways out have in common on the wire: sockets with a deadline, HTTP, mail addresses, MIME, shells with tags."""
