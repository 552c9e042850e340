-- Who bought coffee on at least two orders in 90 days.
SELECT e.customer_id FROM event e
WHERE e.kind = 'order' AND e.at BETWEEN :ago_90d AND :now {among e.customer_id}
  AND EXISTS (SELECT 1 FROM event_item i JOIN product p ON p.id = i.product_id
              WHERE i.event_id = e.id AND (p.category = 'GROCERY/COFFEE' OR p.category LIKE 'GROCERY/COFFEE/%'))
GROUP BY e.customer_id HAVING count(*) >= 2
