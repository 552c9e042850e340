-- formulation: none after, looked up
SELECT DISTINCT k.customer_id FROM event k
JOIN customer c ON c.id = k.customer_id AND c.erased_at IS NULL
WHERE k.kind = 'cart_updated' AND k.at BETWEEN :ago_14d AND :now {among k.customer_id}
  AND k.properties ->> 'cart_id' IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM event o
                  WHERE o.kind = 'order' AND o.customer_id = k.customer_id AND o.at > k.at AND o.at <= :now
                    AND o.properties ->> 'cart_id' = k.properties ->> 'cart_id')
-- formulation: a hashed anti-join
SELECT DISTINCT k.customer_id FROM (
  SELECT e.customer_id, e.at, e.properties ->> 'cart_id' AS cart FROM event e
  WHERE e.kind = 'cart_updated' AND e.at BETWEEN :ago_14d AND :now {among e.customer_id}) k
JOIN customer c ON c.id = k.customer_id AND c.erased_at IS NULL
LEFT JOIN (
  SELECT e.customer_id, e.at, e.properties ->> 'cart_id' AS cart FROM event e
  WHERE e.kind = 'order' AND e.at BETWEEN :ago_14d AND :now {among e.customer_id}) o
  ON o.customer_id = k.customer_id AND o.cart = k.cart AND o.at > k.at
WHERE k.cart IS NOT NULL AND o.customer_id IS NULL
-- formulation: correlated
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (
    SELECT 1 FROM event k
    WHERE k.kind = 'cart_updated' AND k.customer_id = c.id AND k.at BETWEEN :ago_14d AND :now
      AND k.properties ->> 'cart_id' IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM event o
                      WHERE o.kind = 'order' AND o.customer_id = c.id AND o.at > k.at AND o.at <= :now
                        AND o.properties ->> 'cart_id' = k.properties ->> 'cart_id'))
-- formulation: group-by cart
SELECT DISTINCT g.customer_id FROM (
  SELECT e.customer_id FROM event e
  WHERE e.kind IN ('cart_updated', 'order') AND e.at BETWEEN :ago_14d AND :now {among e.customer_id}
    AND e.properties ->> 'cart_id' IS NOT NULL
  GROUP BY e.customer_id, e.properties ->> 'cart_id'
  HAVING max(CASE WHEN e.kind = 'cart_updated' THEN e.at END) >= coalesce(max(CASE WHEN e.kind = 'order' THEN e.at END), 0)) g
JOIN customer c ON c.id = g.customer_id AND c.erased_at IS NULL
