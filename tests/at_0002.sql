-- A store of schema 0002 with one campaign, two customers who have been through it, and a touch.
INSERT INTO zone (id, time_zone, country) VALUES (1, '', '');
INSERT INTO customer (id, key, attributes, zone_id, created_at, updated_at) VALUES
    (1, 'c1', '{}', 1, 0, 0), (2, 'c2', '{}', 1, 0, 0);
INSERT INTO definition (id, kind, name, hash, files, renderer, published_at) VALUES
    (7, 'campaign', 'welcome', 'h', '{"config/campaigns/welcome.yaml": "kind: nurture\ntopic: offers\n"}', '', 0);
INSERT INTO campaign_run (id, campaign, now, started_at, eligible) VALUES (1, 'welcome', 0, 0, 1);
INSERT INTO enrolment
    (id, campaign, customer_id, occasion, definition_id, state, entered_at, trigger_at, past, ended_at) VALUES
    (1, 'welcome', 1, 'once', 7, 'finished', 5, 5, false, 9), (2, 'welcome', 2, 'once', 7, 'left', 5, 5, false, 9);
INSERT INTO touch (run_id, enrolment_id, step, campaign, definition_id, customer_id, channel, template, state,
    right_at, due_at, expires_at, attempt) VALUES
    (1, 1, 'hello', 'welcome', 7, 1, 'email', 'hello', 'sent', 5, 5, 9, 1);
