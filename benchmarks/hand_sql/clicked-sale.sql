-- formulation: join
SELECT DISTINCT k.customer_id FROM touch_event k
JOIN touch t ON t.id = k.touch_id AND t.campaign = 'digest'
JOIN customer c ON c.id = k.customer_id AND c.erased_at IS NULL
WHERE k.kind = 'clicked' AND k.at BETWEEN :ago_60d AND :now AND k.actor <> 'machine' AND k.link LIKE '%sale%' {among k.customer_id}
-- formulation: in
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND c.id IN (SELECT k.customer_id FROM touch_event k JOIN touch t ON t.id = k.touch_id AND t.campaign = 'digest'
               WHERE k.kind = 'clicked' AND k.at BETWEEN :ago_60d AND :now AND k.actor <> 'machine' AND k.link LIKE '%sale%')
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (SELECT 1 FROM touch_event k JOIN touch t ON t.id = k.touch_id AND t.campaign = 'digest'
              WHERE k.customer_id = c.id AND k.kind = 'clicked' AND k.at BETWEEN :ago_60d AND :now
                AND k.actor <> 'machine' AND k.link LIKE '%sale%')
-- formulation: group-by first, then the customer
SELECT g.customer_id FROM (
  SELECT k.customer_id FROM touch_event k
  WHERE k.kind = 'clicked' AND k.at BETWEEN :ago_60d AND :now AND k.actor <> 'machine' AND k.link LIKE '%sale%' {among k.customer_id}
    AND EXISTS (SELECT 1 FROM touch t WHERE t.id = k.touch_id AND t.campaign = 'digest')
  GROUP BY k.customer_id) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
