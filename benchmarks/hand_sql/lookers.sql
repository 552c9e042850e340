-- formulation: group-by, none in the tally
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e WHERE e.kind = 'page_view' AND e.at BETWEEN :ago_30d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING count(*) >= 3) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE NOT EXISTS (SELECT 1 FROM tally t WHERE t.kind = 'order' AND t.customer_id = g.customer_id AND t.first <= :now)
-- formulation: group-by of those without orders
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e WHERE e.kind = 'page_view' AND e.at BETWEEN :ago_30d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING count(*) >= 3) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE g.customer_id NOT IN (SELECT o.customer_id FROM event o WHERE o.kind = 'order' AND o.at <= :now {among o.customer_id})
-- formulation: correlated, none in the tally first
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND NOT EXISTS (SELECT 1 FROM tally t WHERE t.kind = 'order' AND t.customer_id = c.id AND t.first <= :now)
  AND (SELECT count(*) FROM event e WHERE e.kind = 'page_view' AND e.customer_id = c.id AND e.at BETWEEN :ago_30d AND :now) >= 3
-- formulation: correlated, no event first
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND NOT EXISTS (SELECT 1 FROM event o WHERE o.kind = 'order' AND o.customer_id = c.id AND o.at <= :now)
  AND (SELECT count(*) FROM event e WHERE e.kind = 'page_view' AND e.customer_id = c.id AND e.at BETWEEN :ago_30d AND :now) >= 3
-- formulation: anti-join of two tallies, then counting
SELECT c.id FROM (
  SELECT v.customer_id FROM tally v WHERE v.kind = 'page_view' AND v.last >= :ago_30d {among v.customer_id}
    AND NOT EXISTS (SELECT 1 FROM tally t WHERE t.kind = 'order' AND t.customer_id = v.customer_id AND t.first <= :now)
  GROUP BY v.customer_id) l
JOIN customer c ON c.id = l.customer_id AND c.erased_at IS NULL
WHERE (SELECT count(*) FROM event e WHERE e.kind = 'page_view' AND e.customer_id = c.id AND e.at BETWEEN :ago_30d AND :now) >= 3
