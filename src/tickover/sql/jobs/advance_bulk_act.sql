-- A batch is done: the act's place, figures and state move on, and its lease is renewed as long as it has not ended.
UPDATE tickover.bulk_act
SET position = %(position)s, done = done + %(done)s, skipped = skipped + %(skipped)s, state = %(state)s, updated_at = now(),
    lease_expires_at = CASE WHEN %(has_ended)s THEN NULL ELSE now() + make_interval(secs => %(lease_s)s) END,
    ended_at = CASE WHEN %(has_ended)s THEN now() END
WHERE id = %(id)s
