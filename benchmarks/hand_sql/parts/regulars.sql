SELECT e.customer_id FROM event e
WHERE e.kind = 'order' AND e.at BETWEEN :ago_180d AND :now {among e.customer_id}
GROUP BY e.customer_id HAVING count(*) >= 3
