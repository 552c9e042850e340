-- formulation: the distance of everybody
WITH shops(latitude, longitude) AS (VALUES {{shops}})
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (SELECT 1 FROM shops p WHERE
    2 * 6371.0088 * asin(sqrt(power(sin(radians(c.latitude - p.latitude) / 2), 2)
      + cos(radians(p.latitude)) * cos(radians(c.latitude)) * power(sin(radians(c.longitude - p.longitude) / 2), 2))) <= 10)
-- formulation: a box first
WITH shops(latitude, longitude) AS (VALUES {{shops}})
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND EXISTS (SELECT 1 FROM shops p
    WHERE c.latitude BETWEEN p.latitude - 0.09 AND p.latitude + 0.09 AND c.longitude BETWEEN p.longitude - 0.2 AND p.longitude + 0.2
      AND 2 * 6371.0088 * asin(sqrt(power(sin(radians(c.latitude - p.latitude) / 2), 2)
        + cos(radians(p.latitude)) * cos(radians(c.latitude)) * power(sin(radians(c.longitude - p.longitude) / 2), 2))) <= 10)
-- formulation: a join on the box
WITH shops(latitude, longitude) AS (VALUES {{shops}})
SELECT DISTINCT c.id FROM shops p
JOIN customer c ON c.latitude BETWEEN p.latitude - 0.09 AND p.latitude + 0.09
  AND c.longitude BETWEEN p.longitude - 0.2 AND p.longitude + 0.2
WHERE c.erased_at IS NULL {among c.id}
  AND 2 * 6371.0088 * asin(sqrt(power(sin(radians(c.latitude - p.latitude) / 2), 2)
    + cos(radians(p.latitude)) * cos(radians(c.latitude)) * power(sin(radians(c.longitude - p.longitude) / 2), 2))) <= 10
-- formulation: boxes written out
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id} AND ({{shop boxes of c}})
