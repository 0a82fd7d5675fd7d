-- Refused requests, counted by cause. After an hour of quiet, or once it was mended, a cause begins anew; then, and only
-- then, the row that comes back says so.
INSERT INTO tickover.refusal AS r (endpoint, cause, detail, count) VALUES (%(endpoint)s, %(cause)s, %(detail)s, %(count)s)
ON CONFLICT (endpoint, cause) DO UPDATE SET
  detail = excluded.detail, last_at = now(), mended_at = NULL,
  count = CASE WHEN r.mended_at IS NULL AND r.last_at > now() - interval '1 hour' THEN r.count ELSE 0 END + excluded.count,
  first_at = CASE WHEN r.mended_at IS NULL AND r.last_at > now() - interval '1 hour' THEN r.first_at ELSE now() END
RETURNING r.first_at = now() AS is_new
