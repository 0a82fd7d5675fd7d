-- A notice that begins; nothing where another replica has begun it. What is to be told of it is owed with it.
WITH begun AS (
  INSERT INTO tickover.notice (key, scope, code, severity, state, subjects, text, remedy, affects, done, evidence, is_new,
    first_seen_at, seen_at, opened_at, flaps)
  VALUES (%(key)s, %(scope)s, %(code)s, %(severity)s, %(state)s, %(subjects)s, %(text)s, %(remedy)s, %(affects)s, %(done)s,
    %(evidence)s, %(is_new)s, %(now)s, %(now)s, CASE WHEN %(state)s = 'open' THEN %(now)s::timestamptz END, %(flaps)s)
  ON CONFLICT (key) WHERE state IN ('suspected', 'open', 'fading') DO NOTHING
  RETURNING id
), told AS (
  INSERT INTO tickover.notice_delivery (notice_id, kind, destination, breaks, due_at, created_at)
  SELECT begun.id, %(tells)s, asked.name, %(breaks)s, %(now)s, %(now)s
  FROM begun CROSS JOIN unnest(%(destinations)s::text[]) AS asked (name) WHERE %(tells)s::text IS NOT NULL
)
SELECT id FROM begun
