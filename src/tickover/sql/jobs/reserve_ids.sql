-- Ids for jobs about to be copied, the time, and the lanes of the kinds that have limits.
SELECT
  ARRAY(SELECT nextval(pg_get_serial_sequence('tickover.job', 'id')) FROM generate_series(1, %(count)s)) AS ids,
  now() AS now,
  coalesce((SELECT jsonb_object_agg(l.kind, l.lane) FROM tickover.lane l WHERE l.kind IS NOT NULL), '{}') AS lanes
