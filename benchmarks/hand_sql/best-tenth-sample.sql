-- formulation: window
WITH spent AS (
  SELECT e.customer_id, sum(e.amount * {{rate of e}}) AS total FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now GROUP BY e.customer_id),
places AS (
  SELECT c.id, c.bucket, row_number() OVER (ORDER BY s.total DESC, c.key) AS place, count(*) OVER () AS size
  FROM spent s JOIN customer c ON c.id = s.customer_id AND c.erased_at IS NULL)
SELECT id FROM places
WHERE place <= (size + 9) / 10 AND (bucket * :sample_a + :sample_b) % 2147483647 < 429496729.4 {among id}
-- formulation: limit
WITH spent AS (
  SELECT e.customer_id, sum(e.amount * {{rate of e}}) AS total FROM event e
  JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now GROUP BY e.customer_id)
SELECT b.id FROM (
  SELECT c.id, c.bucket FROM spent s JOIN customer c ON c.id = s.customer_id
  ORDER BY s.total DESC, c.key LIMIT (SELECT (count(*) + 9) / 10 FROM spent)) b
WHERE (b.bucket * :sample_a + :sample_b) % 2147483647 < 429496729.4 {among b.id}
-- formulation: the last one's sum, ties by key
WITH spent AS {{materialized}} (
  SELECT g.customer_id, g.total FROM (
    SELECT e.customer_id, sum(e.amount * {{rate of e}}) AS total FROM event e
    WHERE e.kind = 'order' AND e.at BETWEEN :ago_365d AND :now GROUP BY e.customer_id) g
  JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL),
edge AS (SELECT total FROM spent ORDER BY total DESC LIMIT 1 OFFSET (SELECT (count(*) + 9) / 10 - 1 FROM spent)),
tied AS (
  SELECT s.customer_id FROM spent s JOIN customer c ON c.id = s.customer_id WHERE s.total = (SELECT total FROM edge) ORDER BY c.key
  LIMIT (SELECT (count(*) + 9) / 10 FROM spent) - (SELECT count(*) FROM spent WHERE total > (SELECT total FROM edge)))
SELECT c.id FROM (
  SELECT customer_id FROM spent WHERE total > (SELECT total FROM edge) UNION ALL SELECT customer_id FROM tied) b
JOIN customer c ON c.id = b.customer_id
WHERE (c.bucket * :sample_a + :sample_b) % 2147483647 < 429496729.4 {among c.id}
