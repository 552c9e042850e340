-- Customer c has an address that nobody has barred.
c.email_key IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM suppression s WHERE s.address = c.email_key AND s.channel = 'email' AND s.at <= :now)
