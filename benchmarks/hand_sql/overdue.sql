-- formulation: window
WITH gaps AS (
  SELECT e.customer_id, e.at, e.at - lag(e.at) OVER (PARTITION BY e.customer_id ORDER BY e.at) AS gap
  FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id}),
ranked AS (
  SELECT customer_id, gap, row_number() OVER (PARTITION BY customer_id ORDER BY gap) AS number,
    count(*) OVER (PARTITION BY customer_id) AS gaps FROM gaps WHERE gap IS NOT NULL),
middle AS (
  SELECT customer_id, sum(gap) / count(*) AS gap FROM ranked
  WHERE gaps >= 2 AND number IN ((gaps + 1) / 2, (gaps + 2) / 2) GROUP BY customer_id),
latest AS (SELECT customer_id, max(at) AS at FROM gaps GROUP BY customer_id)
SELECT l.customer_id FROM latest l
JOIN customer c ON c.id = l.customer_id AND c.erased_at IS NULL
LEFT JOIN middle m ON m.customer_id = l.customer_id
WHERE l.at < :now - 2 * (CASE WHEN m.gap IS NULL THEN 90 * 86400000000 WHEN m.gap < 14 * 86400000000 THEN 14 * 86400000000
  WHEN m.gap > 180 * 86400000000 THEN 180 * 86400000000 ELSE m.gap END)
-- formulation: group-by, the window only for those it decides on
WITH latest AS (
  SELECT e.customer_id, max(e.at) AS at, count(*) AS orders FROM event e
  WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id} GROUP BY e.customer_id),
open AS (
  SELECT customer_id, at FROM latest WHERE orders >= 3 AND at < :now - 28 * 86400000000 AND at >= :now - 360 * 86400000000),
gaps AS (
  SELECT e.customer_id, e.at - lag(e.at) OVER (PARTITION BY e.customer_id ORDER BY e.at) AS gap
  FROM open o JOIN event e ON e.customer_id = o.customer_id WHERE e.kind = 'order' AND e.at <= :now),
ranked AS (
  SELECT customer_id, gap, row_number() OVER (PARTITION BY customer_id ORDER BY gap) AS number,
    count(*) OVER (PARTITION BY customer_id) AS gaps FROM gaps WHERE gap IS NOT NULL),
middle AS (
  SELECT customer_id, sum(gap) / count(*) AS gap FROM ranked
  WHERE number IN ((gaps + 1) / 2, (gaps + 2) / 2) GROUP BY customer_id)
SELECT d.customer_id FROM (
  SELECT customer_id FROM latest
  WHERE orders < 3 AND at < :now - 180 * 86400000000 OR orders >= 3 AND at < :now - 360 * 86400000000
  UNION ALL
  SELECT o.customer_id FROM open o JOIN middle m ON m.customer_id = o.customer_id
  WHERE o.at < :now - 2 * (CASE WHEN m.gap < 14 * 86400000000 THEN 14 * 86400000000 ELSE m.gap END)) d
JOIN customer c ON c.id = d.customer_id AND c.erased_at IS NULL
-- formulation: one window, the rest in a group-by
WITH gaps AS (
  SELECT e.customer_id, e.at, e.at - lag(e.at) OVER (PARTITION BY e.customer_id ORDER BY e.at) AS gap
  FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id}),
ranked AS (
  SELECT customer_id, at, gap, row_number() OVER (PARTITION BY customer_id ORDER BY gap) AS number,
    count(*) OVER (PARTITION BY customer_id) AS orders, count(gap) OVER (PARTITION BY customer_id) AS gaps FROM gaps)
SELECT d.customer_id FROM (
  SELECT customer_id FROM ranked GROUP BY customer_id, orders, gaps
  HAVING max(at) < :now - 2 * CASE WHEN orders < 3 THEN 90 * 86400000000 ELSE {{least}}(180 * 86400000000, {{greatest}}(14 * 86400000000,
    sum(CASE WHEN number - {{first gap}} IN ((gaps + 1) / 2, (gaps + 2) / 2) THEN gap END)
    / sum(CASE WHEN number - {{first gap}} IN ((gaps + 1) / 2, (gaps + 2) / 2) THEN 1 END))) END) d
JOIN customer c ON c.id = d.customer_id AND c.erased_at IS NULL
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT max(e.at) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now) < :now - 2 * coalesce((
    SELECT {{least}}(180 * 86400000000, {{greatest}}(14 * 86400000000, sum(r.gap) / count(*))) FROM (
      SELECT g.gap, row_number() OVER (ORDER BY g.gap) AS number, count(*) OVER () AS gaps FROM (
        SELECT e.at - lag(e.at) OVER (ORDER BY e.at) AS gap FROM event e
        WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now) g WHERE g.gap IS NOT NULL) r
    WHERE r.gaps >= 2 AND r.number IN ((r.gaps + 1) / 2, (r.gaps + 2) / 2) HAVING count(*) > 0), 90 * 86400000000)
