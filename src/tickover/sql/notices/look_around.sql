-- What may be wrong with a route, beside its rhythm: what its newest ticks owed, its circuit, what its
-- responsibilities say of the queue, jobs that died within the last hour, and requests that are refused. One row.
SELECT
  (SELECT json_agg(newest ORDER BY newest.id DESC) FROM (
     SELECT o.id, o.function, t.dispatch_key, o.state, o.path, o.attempt, o.error, o.failed_durably,
       coalesce(o.finished_at, o.created_at) AS at,
       CASE WHEN o.accepted_at IS NOT NULL THEN tickover.fate(o) END AS fate
     FROM (
       SELECT id, dispatch_key FROM tickover.tick WHERE route = %(route)s AND requested_at > %(since)s
       ORDER BY requested_at DESC LIMIT %(most)s
     ) AS t JOIN tickover.obligation o ON o.tick_id = t.id AND o.function = ANY (%(functions)s::text[])
   ) AS newest) AS obligations,
  (SELECT json_build_object('since', c.since, 'reason', (
       SELECT a.reason FROM tickover.audit a WHERE a.subject = c.route AND a.action = 'circuit.opened' ORDER BY a.id DESC LIMIT 1))
   FROM tickover.circuit c
   WHERE c.route = %(route)s AND c.state = 'open'
     -- Where nothing is handed over any more, nobody would ever close it.
     AND EXISTS (SELECT FROM unnest(%(functions)s::text[]) AS asked (function) WHERE NOT tickover.is_inline(asked.function))
     AND (SELECT t.switched_off FROM tickover.tick t WHERE t.route = c.route ORDER BY t.requested_at DESC LIMIT 1) IS NULL
  ) AS circuit,
  (SELECT json_agg(json_build_object('responsibility', asked.responsibility, 'due', looked.summary -> 'looked_at',
                                     'oldest', looked.summary -> 'oldest', 'at', looked.started_at))
   FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility)
   CROSS JOIN LATERAL (
     SELECT r.summary, r.started_at FROM tickover.responsibility_run r
     WHERE r.responsibility = asked.responsibility AND r.started_at > %(since)s ORDER BY r.started_at DESC LIMIT 1
   ) AS looked WHERE (looked.summary ->> 'stale')::boolean) AS stale,
  (SELECT json_agg(dead) FROM (
     SELECT kind, count(*) AS count, max(id) AS newest_id, max(finished_at) AS last_at,
       (array_agg(last_error ORDER BY finished_at DESC))[1] AS error
     FROM (SELECT id, kind, finished_at, last_error FROM tickover.job
           WHERE state = 'dead' AND finished_at > %(died_since)s ORDER BY finished_at DESC LIMIT %(most_dead)s) AS newest
     GROUP BY kind ORDER BY count(*) DESC LIMIT 5
   ) AS dead) AS dead,
  (SELECT json_agg(json_build_object('endpoint', r.endpoint, 'cause', r.cause, 'detail', r.detail, 'count', r.count,
                                     'first_at', r.first_at, 'last_at', r.last_at) ORDER BY r.last_at DESC)
   FROM tickover.refusal r WHERE r.mended_at IS NULL AND r.last_at > %(now)s - %(recent)s::interval) AS refusals
