-- formulation: group-by
SELECT g.customer_id FROM (
  SELECT e.customer_id FROM event e JOIN event_item i ON i.event_id = e.id
  WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id} GROUP BY e.customer_id HAVING count(DISTINCT i.product_id) >= 10) g
JOIN (
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id} GROUP BY e.customer_id
  HAVING sum(e.amount * {{rate of e}}) >= count(e.amount * {{rate of e}}) * 4000000000
    AND count(DISTINCT {{month of e}}) >= 3) h ON h.customer_id = g.customer_id
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
-- formulation: the cheap ones first, then products
SELECT h.customer_id FROM (
  SELECT e.customer_id FROM event e WHERE e.kind = 'order' AND e.at <= :now {among e.customer_id} GROUP BY e.customer_id
  HAVING sum(e.amount * {{rate of e}}) >= count(e.amount * {{rate of e}}) * 4000000000
    AND count(DISTINCT {{month of e}}) >= 3) h
JOIN customer c ON c.id = h.customer_id AND c.erased_at IS NULL
WHERE (SELECT count(DISTINCT i.product_id) FROM event e JOIN event_item i ON i.event_id = e.id
       WHERE e.kind = 'order' AND e.customer_id = h.customer_id AND e.at <= :now) >= 10
-- formulation: recent months first, the rest looked up
SELECT h.customer_id FROM (
  SELECT e.customer_id FROM event e
  WHERE e.kind = 'order' AND e.at > {{six months ago}} AND e.at <= :now {among e.customer_id} GROUP BY e.customer_id
  HAVING count(DISTINCT {{month of e}}) >= 3) h
JOIN customer c ON c.id = h.customer_id AND c.erased_at IS NULL
WHERE (SELECT sum(e.amount * {{rate of e}}) >= count(e.amount * {{rate of e}}) * 4000000000 FROM event e
       WHERE e.kind = 'order' AND e.customer_id = h.customer_id AND e.at <= :now)
  AND (SELECT count(DISTINCT i.product_id) FROM event e JOIN event_item i ON i.event_id = e.id
       WHERE e.kind = 'order' AND e.customer_id = h.customer_id AND e.at <= :now) >= 10
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (SELECT count(DISTINCT {{month of e}}) FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at > {{six months ago}} AND e.at <= :now) >= 3
  AND (SELECT sum(e.amount * {{rate of e}}) >= count(e.amount * {{rate of e}}) * 4000000000 FROM event e
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now)
  AND (SELECT count(DISTINCT i.product_id) FROM event e JOIN event_item i ON i.event_id = e.id
       WHERE e.kind = 'order' AND e.customer_id = c.id AND e.at <= :now) >= 10
