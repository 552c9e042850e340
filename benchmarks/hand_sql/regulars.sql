-- formulation: group-by
SELECT e.customer_id FROM event e JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
WHERE e.kind = 'order' AND e.at BETWEEN :ago_180d AND :now {among e.customer_id}
GROUP BY e.customer_id HAVING count(*) >= 3
-- formulation: group-by first, then the customer
SELECT g.customer_id FROM ([[regulars]]) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT count(*) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_180d AND :now) >= 3
-- formulation: the third last, looked up
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT e.at FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now
       ORDER BY e.at DESC LIMIT 1 OFFSET 2) >= :ago_180d
-- formulation: window
SELECT n.customer_id FROM (
  SELECT e.customer_id, row_number() OVER (PARTITION BY e.customer_id ORDER BY e.at) AS number FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_180d AND :now {among e.customer_id}) n
JOIN customer c ON c.id = n.customer_id AND c.erased_at IS NULL
WHERE n.number = 3
-- formulation: the tally first, then counting
SELECT t.customer_id FROM (
  SELECT customer_id FROM tally WHERE kind = 'order' AND last >= :ago_180d {among customer_id}
  GROUP BY customer_id) t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
WHERE (SELECT count(*) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = t.customer_id AND e.at BETWEEN :ago_180d AND :now) >= 3
-- formulation: the tally's count first, then counting
SELECT c.id FROM (
  SELECT customer_id FROM tally WHERE kind = 'order' {among customer_id}
  GROUP BY customer_id HAVING sum(count) >= 3 AND max(last) >= :ago_180d) t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
WHERE (SELECT count(*) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_180d AND :now) >= 3
