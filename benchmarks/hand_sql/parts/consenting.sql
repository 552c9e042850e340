-- Whose consent to offers is given as of now: the state of today, or, where that is from after now, the last before.
SELECT a.customer_id FROM consent_state a
WHERE a.channel = 'email' AND a.topic = 'offers' AND a.state = 'given' AND a.at <= :now {among a.customer_id}
UNION ALL
SELECT b.customer_id FROM consent_state b
WHERE b.channel = 'email' AND b.topic = 'offers' AND b.at > :now {among b.customer_id}
  AND (SELECT h.state FROM consent h
       WHERE h.customer_id = b.customer_id AND h.channel = 'email' AND h.topic = 'offers' AND h.at <= :now
       ORDER BY h.at DESC, CASE h.state WHEN 'given' THEN 0 WHEN 'pending' THEN 1 WHEN 'lapsed' THEN 2 ELSE 3 END DESC
       LIMIT 1) = 'given'
