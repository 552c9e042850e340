-- formulation: looked up
-- dialect: sqlite
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND EXISTS (SELECT 1 FROM json_each(c.attributes, '$.interests') WHERE value IN ('coffee', 'tea'))
  AND NOT coalesce(json_extract(c.attributes, '$.balance.minor') >= 8000, false)
  AND (json_extract(c.attributes, '$.points') >= 3000
    OR json_extract(c.attributes, '$.tier') = 'gold'
       AND (SELECT h.old = '"silver"' AND h.at >= :ago_180d FROM customer_change h
            WHERE h.customer_id = c.id AND h.name = 'attributes.tier' AND h.at <= :now ORDER BY h.at DESC, h.id DESC LIMIT 1))
-- formulation: like
-- dialect: sqlite
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND (json_extract(c.attributes, '$.points') >= 3000
    OR json_extract(c.attributes, '$.tier') = 'gold'
       AND (SELECT h.old = '"silver"' AND h.at >= :ago_180d FROM customer_change h
            WHERE h.customer_id = c.id AND h.name = 'attributes.tier' AND h.at <= :now ORDER BY h.at DESC, h.id DESC LIMIT 1))
  AND (json_extract(c.attributes, '$.interests') LIKE '%"coffee"%' OR json_extract(c.attributes, '$.interests') LIKE '%"tea"%')
  AND NOT coalesce(json_extract(c.attributes, '$.balance.minor') >= 8000, false)
-- formulation: numbers first
-- dialect: sqlite
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND (json_extract(c.attributes, '$.points') >= 3000
    OR json_extract(c.attributes, '$.tier') = 'gold'
       AND (SELECT h.old = '"silver"' AND h.at >= :ago_180d FROM customer_change h
            WHERE h.customer_id = c.id AND h.name = 'attributes.tier' AND h.at <= :now ORDER BY h.at DESC, h.id DESC LIMIT 1))
  AND NOT coalesce(json_extract(c.attributes, '$.balance.minor') >= 8000, false)
  AND EXISTS (SELECT 1 FROM json_each(c.attributes, '$.interests') WHERE value IN ('coffee', 'tea'))
-- formulation: window over the changes
-- dialect: sqlite
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND (json_extract(c.attributes, '$.points') >= 3000
    OR json_extract(c.attributes, '$.tier') = 'gold'
       AND c.id IN (SELECT w.customer_id FROM (
         SELECT h.customer_id, h.old, h.at, row_number() OVER (PARTITION BY h.customer_id ORDER BY h.at DESC, h.id DESC) AS number
         FROM customer_change h WHERE h.name = 'attributes.tier' AND h.at <= :now {among h.customer_id}) w
         WHERE w.number = 1 AND w.old = '"silver"' AND w.at >= :ago_180d))
  AND NOT coalesce(json_extract(c.attributes, '$.balance.minor') >= 8000, false)
  AND EXISTS (SELECT 1 FROM json_each(c.attributes, '$.interests') WHERE value IN ('coffee', 'tea'))
-- formulation: looked up
-- dialect: postgres
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND c.attributes -> 'interests' ?| ARRAY['coffee', 'tea']
  AND NOT coalesce((c.attributes -> 'balance' ->> 'minor')::bigint >= 8000, false)
  AND ((c.attributes ->> 'points')::numeric >= 3000
    OR c.attributes ->> 'tier' = 'gold'
       AND (SELECT h.old = '"silver"' AND h.at >= :ago_180d FROM customer_change h
            WHERE h.customer_id = c.id AND h.name = 'attributes.tier' AND h.at <= :now ORDER BY h.at DESC, h.id DESC LIMIT 1))
-- formulation: window over the changes
-- dialect: postgres
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND c.attributes -> 'interests' ?| ARRAY['coffee', 'tea']
  AND NOT coalesce((c.attributes -> 'balance' ->> 'minor')::bigint >= 8000, false)
  AND ((c.attributes ->> 'points')::bigint >= 3000
    OR c.attributes ->> 'tier' = 'gold' AND c.id IN (
      SELECT w.customer_id FROM (
        SELECT DISTINCT ON (h.customer_id) h.customer_id, h.old, h.at FROM customer_change h
        WHERE h.name = 'attributes.tier' AND h.at <= :now {among h.customer_id} ORDER BY h.customer_id, h.at DESC, h.id DESC) w
      WHERE w.old = '"silver"' AND w.at >= :ago_180d))
-- formulation: numbers first
-- dialect: postgres
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL AND c.country IN ('DE', 'AT') {among c.id}
  AND ((c.attributes ->> 'points')::bigint >= 3000
    OR c.attributes ->> 'tier' = 'gold'
       AND (SELECT h.old = '"silver"' AND h.at >= :ago_180d FROM customer_change h
            WHERE h.customer_id = c.id AND h.name = 'attributes.tier' AND h.at <= :now ORDER BY h.at DESC, h.id DESC LIMIT 1))
  AND NOT coalesce((c.attributes -> 'balance' ->> 'minor')::bigint >= 8000, false)
  AND (c.attributes -> 'interests' ? 'coffee' OR c.attributes -> 'interests' ? 'tea')
