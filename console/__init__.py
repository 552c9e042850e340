"""What people see: the `rapport` command and, later, pages."""
