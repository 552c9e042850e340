-- The same of one customer, c.
EXISTS (SELECT 1 FROM consent_state a
        WHERE a.customer_id = c.id AND a.channel = 'email' AND a.topic = 'offers' AND (
          a.at <= :now AND a.state = 'given'
          OR a.at > :now AND (SELECT h.state FROM consent h
              WHERE h.customer_id = c.id AND h.channel = 'email' AND h.topic = 'offers' AND h.at <= :now
              ORDER BY h.at DESC, CASE h.state WHEN 'given' THEN 0 WHEN 'pending' THEN 1 WHEN 'lapsed' THEN 2 ELSE 3 END DESC
              LIMIT 1) = 'given'))
