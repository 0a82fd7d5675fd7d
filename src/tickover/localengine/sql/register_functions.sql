-- An app's functions replace those it had; how many changed, came or went. Any change makes the registry newer.
WITH given AS (
  SELECT * FROM unnest(%(ids)s::text[], %(urls)s::text[], %(configs)s::jsonb[]) AS f (id, url, config)
), gone AS (
  DELETE FROM tickover_engine.function WHERE app = %(app)s AND id NOT IN (SELECT id FROM given) RETURNING id
), stored AS (
  INSERT INTO tickover_engine.function AS f (id, app, url, config) SELECT id, %(app)s, url, config FROM given ORDER BY id
  ON CONFLICT (id) DO UPDATE SET app = excluded.app, url = excluded.url, config = excluded.config
  WHERE (f.app, f.url, f.config) IS DISTINCT FROM (excluded.app, excluded.url, excluded.config)
  RETURNING id
), changes AS (
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM stored) AS number
), newer AS (
  UPDATE tickover_engine.registry SET version = version + 1 FROM changes WHERE changes.number > 0
)
SELECT number FROM changes
