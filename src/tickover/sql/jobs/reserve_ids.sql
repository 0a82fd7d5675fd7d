-- Ids for jobs about to be copied, the time, and the lanes of their kinds.
SELECT
  ARRAY(SELECT nextval(pg_get_serial_sequence('tickover.job', 'id')) FROM generate_series(1, %(count)s)),
  now(),
  (SELECT jsonb_object_agg(l.kind, l.lane) FROM tickover.lane l WHERE l.kind = ANY (%(kinds)s))
