-- formulation: a list of days, or
WITH birthdays(zone_id, month, day) AS (VALUES {{birthdays}}), jubilees(zone_id, day) AS (VALUES {{jubilees}})
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND ((c.birth_month, c.birth_day, c.zone_id) IN (SELECT month, day, zone_id FROM birthdays)
    OR (c.joined_on, c.zone_id) IN (SELECT day, zone_id FROM jubilees))
-- formulation: a union, birthdays by the index
WITH birthdays(zone_id, month, day) AS (VALUES {{birthdays}}), jubilees(zone_id, day) AS (VALUES {{jubilees}})
SELECT c.id FROM birthdays b JOIN customer c ON c.birth_month = b.month AND c.birth_day = b.day AND c.zone_id = b.zone_id
WHERE c.erased_at IS NULL {among c.id}
UNION
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id} AND (c.joined_on, c.zone_id) IN (SELECT day, zone_id FROM jubilees)
-- formulation: in the birthdays by the index, or
WITH birthdays(zone_id, month, day) AS (VALUES {{birthdays}}), jubilees(zone_id, day) AS (VALUES {{jubilees}})
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id}
  AND (c.id IN (SELECT b.id FROM birthdays l
                JOIN customer b ON b.birth_month = l.month AND b.birth_day = l.day AND b.zone_id = l.zone_id)
    OR (c.joined_on, c.zone_id) IN (SELECT day, zone_id FROM jubilees))
-- formulation: by date, zones apart
SELECT c.id FROM customer c
WHERE c.erased_at IS NULL {among c.id} AND ({{zones and days of c}})
