-- formulation: window
WITH sent AS (
  SELECT t.id, t.customer_id, row_number() OVER (PARTITION BY t.customer_id ORDER BY t.sent_at DESC, t.id DESC) AS number
  FROM touch t WHERE t.state = 'sent' AND t.sent_at <= :now {among t.customer_id})
SELECT f.customer_id FROM sent f
JOIN customer c ON c.id = f.customer_id AND c.erased_at IS NULL
WHERE f.number = 5 AND NOT EXISTS (
  SELECT 1 FROM sent l JOIN touch_event o ON o.touch_id = l.id
  WHERE l.customer_id = f.customer_id AND l.number <= 5 AND o.kind = 'opened' AND o.at <= :now AND o.actor <> 'machine')
-- formulation: window and group-by
SELECT r.customer_id FROM (
  SELECT s.customer_id FROM (
    SELECT t.id, t.customer_id, row_number() OVER (PARTITION BY t.customer_id ORDER BY t.sent_at DESC, t.id DESC) AS number
    FROM touch t WHERE t.state = 'sent' AND t.sent_at <= :now {among t.customer_id}) s
  LEFT JOIN (SELECT DISTINCT o.touch_id FROM touch_event o
             WHERE o.kind = 'opened' AND o.at <= :now AND o.actor <> 'machine' {among o.customer_id}) o ON o.touch_id = s.id
  WHERE s.number <= 5 GROUP BY s.customer_id HAVING count(*) = 5 AND count(o.touch_id) = 0) r
JOIN customer c ON c.id = r.customer_id AND c.erased_at IS NULL
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (SELECT 1 FROM touch t WHERE t.customer_id = c.id AND t.state = 'sent' AND t.sent_at <= :now
              ORDER BY t.sent_at DESC LIMIT 1 OFFSET 4)
  AND NOT EXISTS (
    SELECT 1 FROM (SELECT t.id FROM touch t WHERE t.customer_id = c.id AND t.state = 'sent' AND t.sent_at <= :now
                   ORDER BY t.sent_at DESC, t.id DESC LIMIT 5) l
    JOIN touch_event o ON o.touch_id = l.id
    WHERE o.kind = 'opened' AND o.at <= :now AND o.actor <> 'machine')
-- formulation: openers' last five looked up
SELECT g.customer_id FROM (
  SELECT t.customer_id FROM touch t WHERE t.state = 'sent' AND t.sent_at <= :now {among t.customer_id}
  GROUP BY t.customer_id HAVING count(*) >= 5) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE NOT EXISTS (
  SELECT 1 FROM touch_event o
  WHERE o.kind = 'opened' AND o.customer_id = c.id AND o.at <= :now AND o.actor <> 'machine'
    AND o.touch_id IN (SELECT t.id FROM touch t WHERE t.customer_id = c.id AND t.state = 'sent' AND t.sent_at <= :now
                       ORDER BY t.sent_at DESC, t.id DESC LIMIT 5))
