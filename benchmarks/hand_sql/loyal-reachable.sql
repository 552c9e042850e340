-- formulation: sets
SELECT c.id FROM ([[regulars]]) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
JOIN ([[consenting]]) a ON a.customer_id = c.id
WHERE c.id NOT IN ([[coffee]]) AND [[addressed]]
-- formulation: sets, consent looked up
SELECT c.id FROM ([[regulars]]) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE c.id NOT IN ([[coffee]]) AND [[consents]] AND [[addressed]]
-- formulation: regulars first, the rest looked up
SELECT c.id FROM ([[regulars]]) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
WHERE [[consents]] AND [[addressed]]
  AND (SELECT count(*) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now
         AND EXISTS (SELECT 1 FROM event_item i JOIN product p ON p.id = i.product_id
              WHERE i.event_id = e.id AND (p.category = 'GROCERY/COFFEE' OR p.category LIKE 'GROCERY/COFFEE/%'))) < 2
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT count(*) FROM event e WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_180d AND :now) >= 3
  AND [[consents]] AND [[addressed]]
  AND (SELECT count(*) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at BETWEEN :ago_90d AND :now
         AND EXISTS (SELECT 1 FROM event_item i JOIN product p ON p.id = i.product_id
              WHERE i.event_id = e.id AND (p.category = 'GROCERY/COFFEE' OR p.category LIKE 'GROCERY/COFFEE/%'))) < 2
