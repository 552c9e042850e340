-- formulation: tally
SELECT c.id FROM (
  SELECT customer_id FROM tally WHERE kind = 'order' {among customer_id}
  GROUP BY customer_id HAVING min(first) BETWEEN :ago_60d AND :now) t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
-- formulation: tally by its last, then its first
SELECT DISTINCT t.customer_id FROM tally t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
WHERE t.kind = 'order' AND t.last >= :ago_60d AND t.first BETWEEN :ago_60d AND :now {among t.customer_id}
  AND NOT EXISTS (SELECT 1 FROM tally o WHERE o.kind = 'order' AND o.customer_id = t.customer_id AND o.first < :ago_60d)
-- formulation: group-by
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id}
  GROUP BY e.customer_id HAVING min(e.at) >= :ago_60d) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: recent and none before
SELECT g.customer_id FROM (
  SELECT DISTINCT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at BETWEEN :ago_60d AND :now {among e.customer_id}) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE NOT EXISTS (SELECT 1 FROM event o WHERE o.kind = 'order' AND o.customer_id = g.customer_id AND o.at < :ago_60d)
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT min(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id) BETWEEN :ago_60d AND :now
