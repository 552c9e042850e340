-- formulation: sets
SELECT c.id FROM customer c
JOIN ([[consenting]]) a ON a.customer_id = c.id
WHERE c.erased_at IS NULL AND [[addressed]]
  AND (c.attributes ->> 'tier' = 'gold'
       AND c.id NOT IN (SELECT e.customer_id FROM event e
                        WHERE e.kind = 'order' AND e.at BETWEEN :ago_60d AND :now {among e.customer_id})
    OR c.id IN (SELECT e.customer_id FROM event e
                WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now {among e.customer_id}
                GROUP BY e.customer_id HAVING count(*) >= 5 AND max(e.at) < :ago_90d))
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (c.attributes ->> 'tier' = 'gold'
       AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_60d AND :now)
    OR (SELECT count(*) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_365d AND :now) >= 5
       AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now))
  AND [[consents]] AND [[addressed]]
-- formulation: a union of the two ways in
SELECT c.id FROM (
  SELECT g.id AS customer_id FROM customer g
  WHERE g.attributes ->> 'tier' = 'gold' {among g.id}
    AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'order' AND e.customer_id = g.id AND e.at BETWEEN :ago_60d AND :now)
  UNION
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING count(*) >= 5 AND max(e.at) < :ago_90d) u
JOIN customer c ON c.id = u.customer_id AND c.erased_at IS NULL
WHERE [[consents]] AND [[addressed]]
-- formulation: one group-by for both
SELECT c.id FROM customer c
LEFT JOIN (SELECT e.customer_id, count(*) AS orders, max(e.at) AS latest FROM event e
           WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now {among e.customer_id} GROUP BY e.customer_id) g
  ON g.customer_id = c.id
WHERE c.erased_at IS NULL {among c.id}
  AND (c.attributes ->> 'tier' = 'gold' AND coalesce(g.latest < :ago_60d, true) OR g.orders >= 5 AND g.latest < :ago_90d)
  AND [[consents]] AND [[addressed]]
