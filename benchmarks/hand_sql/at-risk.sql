-- formulation: window
SELECT r.customer_id FROM (
  SELECT s.customer_id, row_number() OVER (ORDER BY s.value DESC, c.key) AS place, count(*) OVER () AS size
  FROM score s JOIN customer c ON c.id = s.customer_id AND c.erased_at IS NULL
  WHERE s.name = 'churn' AND s.at <= :now) r
JOIN score v ON v.name = 'value' AND v.customer_id = r.customer_id AND v.at BETWEEN :ago_30d AND :now AND v.value >= 0.3
JOIN customer c ON c.id = r.customer_id
WHERE r.place <= (r.size + 9) / 10 {among r.customer_id}
  AND [[long_consents]]
-- formulation: limit
SELECT r.customer_id FROM (
  SELECT s.customer_id FROM score s JOIN customer c ON c.id = s.customer_id AND c.erased_at IS NULL
  WHERE s.name = 'churn' AND s.at <= :now
  ORDER BY s.value DESC, c.key
  LIMIT (SELECT (count(*) + 9) / 10 FROM score s JOIN customer c ON c.id = s.customer_id AND c.erased_at IS NULL
         WHERE s.name = 'churn' AND s.at <= :now)) r
JOIN score v ON v.name = 'value' AND v.customer_id = r.customer_id AND v.at BETWEEN :ago_30d AND :now AND v.value >= 0.3
JOIN customer c ON c.id = r.customer_id
WHERE 1 = 1 {among r.customer_id} AND [[long_consents]]
-- formulation: the last one's value, ties by key
WITH has AS (
  SELECT s.customer_id, s.value FROM score s JOIN customer c ON c.id = s.customer_id AND c.erased_at IS NULL
  WHERE s.name = 'churn' AND s.at <= :now),
edge AS (SELECT value FROM has ORDER BY value DESC LIMIT 1 OFFSET (SELECT (count(*) + 9) / 10 - 1 FROM has)),
tied AS (
  SELECT h.customer_id FROM has h JOIN customer c ON c.id = h.customer_id WHERE h.value = (SELECT value FROM edge) ORDER BY c.key
  LIMIT (SELECT (count(*) + 9) / 10 FROM has) - (SELECT count(*) FROM has WHERE value > (SELECT value FROM edge)))
SELECT r.customer_id FROM (
  SELECT customer_id FROM has WHERE value > (SELECT value FROM edge) UNION ALL SELECT customer_id FROM tied) r
JOIN score v ON v.name = 'value' AND v.customer_id = r.customer_id AND v.at BETWEEN :ago_30d AND :now AND v.value >= 0.3
JOIN customer c ON c.id = r.customer_id
WHERE 1 = 1 {among r.customer_id} AND [[long_consents]]
