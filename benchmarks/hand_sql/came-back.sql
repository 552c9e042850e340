-- formulation: the one before, looked up
SELECT DISTINCT e.customer_id FROM event e
JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
WHERE e.kind = 'order' AND e.at BETWEEN :ago_60d AND :now {among e.customer_id}
  AND (SELECT max(p.at) FROM event p WHERE p.kind = 'order' AND p.customer_id = e.customer_id AND p.at < e.at) <= e.at - 180 * 86400000000
-- formulation: some before, none between
SELECT DISTINCT e.customer_id FROM event e
JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
WHERE e.kind = 'order' AND e.at BETWEEN :ago_60d AND :now {among e.customer_id}
  AND EXISTS (SELECT 1 FROM event p WHERE p.kind = 'order' AND p.customer_id = e.customer_id AND p.at <= e.at - 180 * 86400000000)
  AND NOT EXISTS (SELECT 1 FROM event p WHERE p.kind = 'order' AND p.customer_id = e.customer_id
                  AND p.at > e.at - 180 * 86400000000 AND p.at < e.at)
-- formulation: window over all
SELECT DISTINCT w.customer_id FROM (
  SELECT e.customer_id, e.at, lag(e.at) OVER (PARTITION BY e.customer_id ORDER BY e.at, e.id) AS previous
  FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id}) w
JOIN customer c ON c.id = w.customer_id AND c.erased_at IS NULL
WHERE w.at >= :ago_60d AND w.previous <= w.at - 180 * 86400000000
-- formulation: the first of the window and the last before
SELECT g.customer_id FROM (
  SELECT e.customer_id, min(e.at) AS at FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_60d AND :now {among e.customer_id} GROUP BY e.customer_id) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE (SELECT max(p.at) FROM event p WHERE p.kind = 'order' AND p.customer_id = g.customer_id AND p.at < :ago_60d)
  <= g.at - 180 * 86400000000
-- formulation: the tally first
SELECT g.customer_id FROM (
  SELECT t.customer_id FROM tally t WHERE t.kind = 'order' AND t.last >= :ago_60d {among t.customer_id}
  GROUP BY t.customer_id) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE (SELECT max(p.at) FROM event p WHERE p.kind = 'order' AND p.customer_id = g.customer_id AND p.at < :ago_60d)
  <= (SELECT min(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = g.customer_id AND e.at BETWEEN :ago_60d AND :now)
     - 180 * 86400000000
