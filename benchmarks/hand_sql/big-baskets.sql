-- formulation: group-by, the rates joined
WITH rates(currency, since, before, millionths) AS (VALUES {{rates}})
SELECT e.customer_id FROM event e
JOIN rates r ON r.currency = e.currency AND e.at >= r.since AND e.at < r.before
JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
GROUP BY e.customer_id HAVING sum([[euros]]) >= 50000000000
-- formulation: group-by first, then the customer
WITH rates(currency, since, before, millionths) AS (VALUES {{rates}})
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e
  JOIN rates r ON r.currency = e.currency AND e.at >= r.since AND e.at < r.before
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING sum([[euros]]) >= 50000000000) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: group-by, the rates in a CASE
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING sum(e.amount * {{rate of e}}) >= 50000000000) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: correlated, the rates in a CASE
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT sum(e.amount * {{rate of e}}) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now) >= 50000000000
-- formulation: the tally first, the rates in a CASE
SELECT c.id FROM (
  SELECT customer_id FROM tally WHERE kind = 'order' AND last >= :ago_90d {among customer_id} GROUP BY customer_id) t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
WHERE (SELECT sum(e.amount * {{rate of e}}) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now) >= 50000000000
-- formulation: window
SELECT DISTINCT n.customer_id FROM (
  SELECT e.customer_id, sum(e.amount * {{rate of e}}) OVER (PARTITION BY e.customer_id) AS total FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}) n
JOIN customer c ON c.id = n.customer_id AND c.erased_at IS NULL
WHERE n.total >= 50000000000
