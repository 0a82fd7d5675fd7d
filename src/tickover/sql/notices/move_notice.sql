-- A notice that is seen again, opens, fades or ends; nothing where another replica has moved it. What is to be told of it is
-- owed with it.
WITH moved AS (
  UPDATE tickover.notice SET version = version + 1, state = %(state)s, flaps = %(flaps)s,
    subjects = coalesce(%(subjects)s::text[], subjects), text = coalesce(%(text)s::text, text),
    remedy = coalesce(%(remedy)s::text, remedy), affects = coalesce(%(affects)s::text[], affects),
    done = coalesce(%(done)s::text[], done), evidence = coalesce(%(evidence)s::jsonb, evidence),
    seen_at = CASE WHEN %(is_seen)s THEN %(now)s ELSE seen_at END,
    seen_count = seen_count + %(is_seen)s::boolean::integer,
    opened_at = CASE WHEN %(state)s = 'open' THEN coalesce(opened_at, %(now)s) ELSE opened_at END,
    away_since = CASE WHEN %(is_seen)s THEN NULL ELSE coalesce(away_since, %(now)s) END,
    closed_at = CASE WHEN %(state)s IN ('closed', 'dismissed') THEN %(now)s::timestamptz END
  WHERE id = %(id)s AND version = %(version)s
  RETURNING id
), told AS (
  INSERT INTO tickover.notice_delivery (notice_id, kind, destination, breaks, due_at, created_at)
  SELECT moved.id, %(tells)s, asked.name, %(breaks)s, %(now)s, %(now)s
  FROM moved CROSS JOIN unnest(%(destinations)s::text[]) AS asked (name) WHERE %(tells)s::text IS NOT NULL
)
SELECT id FROM moved
