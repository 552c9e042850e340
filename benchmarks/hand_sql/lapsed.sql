-- formulation: tally, the rest from events
SELECT c.id FROM (
  SELECT customer_id FROM tally WHERE kind = 'order' {among customer_id}
  GROUP BY customer_id HAVING max(last) < :ago_180d
  UNION ALL
  SELECT t.customer_id FROM tally t WHERE t.kind = 'order' AND t.last > :now {among t.customer_id}
    AND (SELECT max(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = t.customer_id AND e.at <= :now) < :ago_180d
  GROUP BY t.customer_id) l
JOIN customer c ON c.id = l.customer_id AND c.erased_at IS NULL
JOIN ([[consenting]]) a ON a.customer_id = c.id
WHERE [[addressed]]
-- formulation: tally joined row by row, the rest from events
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND c.id IN (
    SELECT customer_id FROM tally WHERE kind = 'order' GROUP BY customer_id HAVING max(last) < :ago_180d
    UNION ALL
    SELECT t.customer_id FROM tally t WHERE t.kind = 'order' AND t.last > :now
      AND (SELECT max(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = t.customer_id AND e.at <= :now) < :ago_180d)
  AND c.id IN ([[consenting]])
  AND [[addressed]]
-- formulation: group-by
SELECT c.id FROM (
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id}
  GROUP BY e.customer_id HAVING max(e.at) < :ago_180d) l
JOIN customer c ON c.id = l.customer_id AND c.erased_at IS NULL
JOIN ([[consenting]]) a ON a.customer_id = c.id
WHERE [[addressed]]
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT max(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now) < :ago_180d
  AND [[consents]]
  AND [[addressed]]
-- formulation: before and none since, row by row
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (SELECT 1 FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at < :ago_180d)
  AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_180d AND :now)
  AND c.id IN ([[consenting]])
  AND [[addressed]]
