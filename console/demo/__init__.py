"""The demo shop: a real retailer's year with made-up contact details, played forward day by day."""
