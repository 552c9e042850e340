-- formulation: group-by
SELECT e.customer_id FROM event e
JOIN event_item i ON i.event_id = e.id
JOIN product p ON p.id = i.product_id AND (p.category = 'GROCERY/COFFEE' OR p.category LIKE 'GROCERY/COFFEE/%')
JOIN customer c ON c.id = e.customer_id AND c.erased_at IS NULL
WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
GROUP BY e.customer_id HAVING count(DISTINCT e.id) >= 2
-- formulation: exists, then group-by
SELECT g.customer_id FROM ([[coffee]]) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: from the products
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM product p
  JOIN event_item i ON i.product_id = p.id
  JOIN event e ON e.id = i.event_id AND e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now
  WHERE (p.category = 'GROCERY/COFFEE' OR p.category >= 'GROCERY/COFFEE/' AND p.category < 'GROCERY/COFFEE0') {among e.customer_id}
  GROUP BY e.customer_id HAVING min(e.id) < max(e.id)) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: the products as a list, lines looked up by order
WITH coffee AS (
  SELECT id FROM product WHERE category = 'GROCERY/COFFEE' OR category >= 'GROCERY/COFFEE/' AND category < 'GROCERY/COFFEE0')
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
    AND EXISTS (SELECT 1 FROM event_item i WHERE i.event_id = e.id AND +i.product_id IN (SELECT id FROM coffee))
  GROUP BY e.customer_id HAVING count(*) >= 2) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT count(*) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now
         AND EXISTS (SELECT 1 FROM event_item i JOIN product p ON p.id = i.product_id
              WHERE i.event_id = e.id AND (p.category = 'GROCERY/COFFEE' OR p.category LIKE 'GROCERY/COFFEE/%'))) >= 2
-- formulation: two orders first, then their lines
WITH coffee AS (
  SELECT id FROM product WHERE category = 'GROCERY/COFFEE' OR category >= 'GROCERY/COFFEE/' AND category < 'GROCERY/COFFEE0'),
twice AS (
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
  GROUP BY e.customer_id HAVING count(*) >= 2)
SELECT e.customer_id FROM twice t
JOIN customer c ON c.id = t.customer_id AND c.erased_at IS NULL
JOIN event e ON e.customer_id = t.customer_id AND e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now
WHERE EXISTS (SELECT 1 FROM event_item i WHERE i.event_id = e.id AND +i.product_id IN (SELECT id FROM coffee))
GROUP BY e.customer_id HAVING count(*) >= 2
