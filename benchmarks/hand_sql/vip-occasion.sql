-- formulation: from the list, the rest looked up
SELECT c.id FROM static_list s
JOIN list_member m ON m.list_id = s.id
JOIN customer c ON c.id = m.customer_id AND c.erased_at IS NULL
WHERE s.name = 'vip' {among c.id} AND (
  EXISTS (SELECT 1 FROM offer o WHERE o.customer_id = c.id AND o.issued_at <= :now
          AND (o.redeemed_at IS NULL OR o.redeemed_at > :now) AND (o.valid_until IS NULL OR o.valid_until > :now))
  OR EXISTS (SELECT 1 FROM enrolment n WHERE n.customer_id = c.id AND n.campaign = 'win-back'
             AND n.entered_at BETWEEN :ago_90d AND :now AND n.held_out_at IS NULL)
  OR EXISTS (SELECT 1 FROM segment_member g WHERE g.segment = 'regulars' AND g.customer_id = c.id
             AND g.entered_at BETWEEN :ago_30d AND :now AND NOT g.at_start))
-- formulation: sets
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND c.id IN (SELECT m.customer_id FROM list_member m JOIN static_list s ON s.id = m.list_id WHERE s.name = 'vip')
  AND (c.id IN (SELECT o.customer_id FROM offer o WHERE o.issued_at <= :now
                AND (o.redeemed_at IS NULL OR o.redeemed_at > :now) AND (o.valid_until IS NULL OR o.valid_until > :now))
    OR c.id IN (SELECT n.customer_id FROM enrolment n WHERE n.campaign = 'win-back'
                AND n.entered_at BETWEEN :ago_90d AND :now AND n.held_out_at IS NULL)
    OR c.id IN (SELECT g.customer_id FROM segment_member g WHERE g.segment = 'regulars'
                AND g.entered_at BETWEEN :ago_30d AND :now AND NOT g.at_start))
-- formulation: a union of the occasions
SELECT c.id FROM (
  SELECT o.customer_id FROM offer o WHERE o.issued_at <= :now {among o.customer_id}
    AND (o.redeemed_at IS NULL OR o.redeemed_at > :now) AND (o.valid_until IS NULL OR o.valid_until > :now)
  UNION
  SELECT n.customer_id FROM enrolment n WHERE n.campaign = 'win-back' {among n.customer_id}
    AND n.entered_at BETWEEN :ago_90d AND :now AND n.held_out_at IS NULL
  UNION
  SELECT g.customer_id FROM segment_member g WHERE g.segment = 'regulars' {among g.customer_id}
    AND g.entered_at BETWEEN :ago_30d AND :now AND NOT g.at_start) u
JOIN list_member m ON m.customer_id = u.customer_id
JOIN static_list s ON s.id = m.list_id AND s.name = 'vip'
JOIN customer c ON c.id = u.customer_id AND c.erased_at IS NULL
